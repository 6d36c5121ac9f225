// A YAML text as the plain tree of app/document.h: strings, arrays and tables with their positions.
// This header hides yaml-cpp: only yaml_document.cc includes it, and its exceptions end there.
//
// What is read is the part of YAML that twemproxy takes (notes on nutcracker 0.5.0, nc_conf.c): one
// document in block style without anchors, aliases and tags. Beyond that every scalar must stand on
// one line, which loses nothing that a twemproxy file could mean and keeps comments findable.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "app/document.h"
#include "ringfold/config.h"

namespace ringfold {

// Every scalar is a string, whatever it looks like; an empty value is an empty one. The error is
// the first mistake. An empty file is an empty table.
[[nodiscard]] tl::expected<Node, ConfigError> parse_yaml(std::string_view text,
                                                         const std::string& file_name);

}  // namespace ringfold
