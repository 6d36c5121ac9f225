// Snapshot: what all workers share and nobody changes: the configuration with the addresses that
// were known at the start. A worker has its own copy of a server's address, which changes by
// control message. Only the counts of clients do change.
#pragma once

#include <atomic>
#include <vector>

#include "core/stats.h"
#include "ringfold/config.h"
#include "ringfold/io/address.h"
#include "ringfold/io/ring.h"

namespace ringfold {

struct PoolAddresses {
  std::vector<Address> listen;  // one for each PoolConfig::listen
  // One for each PoolConfig::servers; not resolved() when the name had no address.
  std::vector<Address> servers;
};

struct Snapshot {
  Config config;
  std::vector<PoolAddresses> addresses;  // one for each pool
  // How many clients each pool with a limit has, of all workers. Each adds what it accepts and
  // takes off what it frees.
  mutable std::vector<std::atomic<u32>> client_counts;
  // Where each worker counts (StatsBlocks::attach() makes them). Not owned.
  std::vector<WorkerBlocks> stats;
};

[[nodiscard]] inline ListenOptions listen_options(const PoolConfig& pool) {
  return {.backlog = static_cast<int>(pool.backlog),
          .keepalive = pool.tcp_keepalive,
          .unread_timeout_ms = pool.client_idle_timeout_ms};
}

}  // namespace ringfold
