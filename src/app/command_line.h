// The command line: what was asked for, or a ready-made end (help, a mistake).
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "app/diff.h"
#include "app/route.h"
#include "app/top/top.h"

namespace ringfold {

struct MigrateOptions {
  std::string path;       // twemproxy's file
  bool is_proof = false;  // instead of the translation, how many keys it moves
};

struct CommandLine {
  enum class Action : u8 {
    run,
    test_config,
    version,
    metrics_table,
    route,
    migrate,
    diff,
    top,
  };
  Action action = Action::run;
  std::string config_path;     // empty: the embedded default
  bool tries_servers = false;  // test_config: --connect
  RouteOptions route;
  MigrateOptions migrate;
  DiffOptions diff;
  TopOptions top;
};

// An end before anything began: text for stdout when code is 0, else for stderr.
struct EarlyEnd {
  int code = 0;
  std::string text;
};

[[nodiscard]] tl::expected<CommandLine, EarlyEnd> parse_command_line(int argument_count,
                                                                     const char* const* arguments);

}  // namespace ringfold
