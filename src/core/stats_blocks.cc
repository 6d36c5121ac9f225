#include "core/stats_blocks.h"

namespace ringfold {

namespace {

template <class Block>
Block& block_for(std::vector<std::unique_ptr<Block>>& blocks, u32 worker) {
  while (blocks.size() <= worker) blocks.push_back(std::make_unique<Block>());
  return *blocks[worker];
}

}  // namespace

void StatsBlocks::attach(Snapshot& snapshot) {
  snapshot.stats.clear();
  for (u32 worker = 0; worker < snapshot.config.threads; ++worker) {
    WorkerBlocks& blocks = snapshot.stats.emplace_back();
    blocks.worker = &block_for(workers_, worker);
    for (const PoolConfig& config : snapshot.config.pools) {
      OfPool& pool = pools_[config.name];
      PoolBlocks& of_pool = blocks.pools.emplace_back();
      of_pool.pool = &block_for(pool.workers, worker);
      for (const ServerConfig& server : config.servers) {
        of_pool.servers.push_back(&block_for(pool.servers[server.name], worker));
      }
    }
  }
}

}  // namespace ringfold
