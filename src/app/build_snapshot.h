// From a configuration to the snapshot that workers share: resolves every address.
#pragma once

#include <string>
#include <vector>

#include "core/snapshot.h"
#include "ringfold/base/error.h"

namespace ringfold {

// Blocks in name resolution. A server whose name has no address stays unresolved, with a line in
// warnings; an endpoint to listen on that has none is an error.
[[nodiscard]] Expected<Snapshot> build_snapshot(Config config, std::vector<std::string>& warnings);

}  // namespace ringfold
