// From a configuration to the snapshot that workers share.
#pragma once

#include <atomic>
#include <map>
#include <string>

#include "core/snapshot.h"
#include "ringfold/base/error.h"

namespace ringfold {

// Of each pool, by its name, the number of its clients. A count lives as long as this does.
class ClientCounts {
 public:
  std::atomic<u32>* of(const std::string& pool) { return &counts_[pool]; }

 private:
  std::map<std::string, std::atomic<u32>> counts_;
};

// Resolves what to listen on, which may block for a host name, and the servers that are given by
// number or path. Servers with a host name stay unresolved: names.h looks after them.
[[nodiscard]] Expected<Snapshot> build_snapshot(Config config, ClientCounts& counts);

}  // namespace ringfold
