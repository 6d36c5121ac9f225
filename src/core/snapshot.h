// Snapshot: what all workers share and nobody changes: a configuration with the addresses that were
// known when it was made. A worker has its own copy of a server's address, which changes by control
// message; another configuration comes as another snapshot (reload.h). Only the counts of clients
// do change.
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
  // For each of listen, for each worker, the sockets that it duplicates: one, or several where a
  // process with more workers has passed them on. Not owned. Empty: workers open their own.
  std::vector<std::vector<std::vector<int>>> sockets;
  // One for each PoolConfig::servers; not resolved() when the name had no address.
  std::vector<Address> servers;
};

struct Snapshot {
  u32 generation = 0;  // of the snapshots that a process makes
  Config config;
  std::vector<PoolAddresses> addresses;  // one for each pool
  // How many clients each pool has, of all workers: one for each pool. Each worker adds what it
  // accepts and takes off what it frees. Not owned: a pool that stays keeps its count.
  std::vector<std::atomic<u32>*> client_counts;
  // Where each worker counts (StatsBlocks::attach() makes them). Not owned.
  std::vector<WorkerBlocks> stats;
};

[[nodiscard]] inline ListenOptions listen_options(const PoolConfig& pool) {
  return {.backlog = static_cast<int>(pool.backlog),
          .keepalive = pool.tcp_keepalive,
          .unread_timeout_ms = pool.client_idle_timeout_ms};
}

}  // namespace ringfold
