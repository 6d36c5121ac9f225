// `ringfold migrate`: twemproxy's configuration as ringfold's, and the proof that no key moves.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "app/migrate/nutcracker_file.h"
#include "ringfold/config.h"

namespace ringfold {

struct Migration {
  std::vector<NutcrackerPool> pools;  // as twemproxy understands its file
  std::string toml;
  Config config;                      // what ringfold reads in toml
  std::vector<std::string> warnings;  // "FILE:LINE:COLUMN: warning: pool "a": key: reason"
};

// The errors name places in the file of twemproxy, also those for what ringfold does not take.
[[nodiscard]] tl::expected<Migration, std::vector<ConfigError>> migrate(
    std::string_view text, const std::string& file_name);

struct Proof {
  std::string report;  // a line for each pool
  bool holds = false;
};

// Routes sampled keys by twemproxy's rules over the servers of its file, and by ringfold's
// configuration, and counts those that come to another server or another address.
[[nodiscard]] Proof prove(const std::vector<NutcrackerPool>& pools, const Config& config);

}  // namespace ringfold
