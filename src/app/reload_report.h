// What became of a reload.
#pragma once

#include <string>
#include <vector>

namespace ringfold {

// What became of a reload, for who asked for it and for the log.
struct ReloadReport {
  bool is_applied = false;
  // Applied: what has changed (config_changes.h), and behind it what is worth a warning. Else: what
  // is wrong.
  std::vector<std::string> lines;
  std::vector<std::string> warnings;
};

}  // namespace ringfold
