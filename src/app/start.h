// The start of the process: everything that can fail is made ready, then the supervisor runs.
#pragma once

#include <string>

#include "ringfold/base/error.h"
#include "ringfold/config.h"

namespace ringfold {

// Runs until a signal ends it. path: the configuration's file, for reloading; empty: it is the
// embedded one. The process' exit code, or why it could not start and what to do.
[[nodiscard]] Expected<int> supervise(Config config, const std::string& path);

}  // namespace ringfold
