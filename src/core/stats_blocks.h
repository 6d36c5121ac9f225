// StatsBlocks: makes the blocks of stats.h and owns them. A server is known by its name and its
// pool's, so its counts go on when the configuration changes around it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/snapshot.h"
#include "core/stats.h"

namespace ringfold {

class StatsBlocks {
 public:
  // Gives the snapshot its blocks, for each of its workers. Makes those that are missing; none is
  // freed before this is. Not to be called from two threads at once.
  void attach(Snapshot& snapshot);

 private:
  struct OfPool {
    std::vector<std::unique_ptr<PoolStats>> workers;
    std::map<std::string, std::vector<std::unique_ptr<ServerStats>>, std::less<>> servers;
  };

  std::vector<std::unique_ptr<WorkerStats>> workers_;
  std::map<std::string, OfPool, std::less<>> pools_;
};

}  // namespace ringfold
