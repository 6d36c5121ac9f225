// From a configuration to the snapshot that workers share.
#pragma once

#include "core/snapshot.h"
#include "ringfold/base/error.h"

namespace ringfold {

// Resolves what to listen on, which may block for a host name, and the servers that are given by
// number or path. Servers with a host name stay unresolved: names.h looks after them.
[[nodiscard]] Expected<Snapshot> build_snapshot(Config config);

}  // namespace ringfold
