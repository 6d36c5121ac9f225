// The supervisor: starts the workers, writes their log lines, turns signals and new addresses of
// servers into messages to them, and ends the process. Called by main with a checked configuration.
//
//   signal            does
//   SIGTERM, SIGINT   drain: no new clients, what was asked is answered, then exit 0; what is not
//                     answered after drain_timeout_ms is cut off, then exit 0 as well
//   the same again    exit at once with 128 + the signal's number, as a shell would report it
//   SIGHUP            reads the configuration again and takes over what differs (reload.h)
//   SIGUSR1           opens the log file again
#pragma once

#include <string>

#include "ringfold/base/error.h"
#include "ringfold/config.h"

namespace ringfold {

// Runs until a signal ends it. path: the configuration's file, for reloading; empty: it is the
// embedded one. The process' exit code, or why it could not start and what to do.
[[nodiscard]] Expected<int> supervise(Config config, const std::string& path);

}  // namespace ringfold
