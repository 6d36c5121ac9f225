// Reload: another configuration for a process that runs. Here everything is done that can fail, so
// that what is wrong with the new one changes nothing; the supervisor then hands it to the workers
// (core/reload.h).
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "app/build_snapshot.h"
#include "app/listeners.h"
#include "app/log.h"
#include "app/names.h"
#include "app/reload_report.h"
#include "core/snapshot.h"

namespace ringfold {

struct Reload {
  std::unique_ptr<Snapshot> snapshot;  // its listeners are open
  Names names;
  Log log;
  std::vector<NameNote> notes;
  ReloadReport report;
};

// Reads the file again and makes ready what differs from the present snapshot: its listeners are
// opened, new host names looked up (which may take up to names_limit). The error: the lines that
// say what is wrong.
[[nodiscard]] tl::expected<Reload, std::vector<std::string>> prepare_reload(
    const std::string& path, const Snapshot& present, const Names& names, Listeners& listeners,
    ClientCounts& counts, Nanos names_limit);

}  // namespace ringfold
