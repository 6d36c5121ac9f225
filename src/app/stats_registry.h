// StatsRegistry: where the numbers of all workers meet. The supervisor makes it, gives each
// snapshot its blocks and says which configuration is in force; any thread may ask for a StatsView.
// A mutex orders these; workers know nothing of it, they write to their blocks.
#pragma once

#include <array>
#include <mutex>
#include <string>
#include <vector>

#include "app/slow_log.h"
#include "app/stats_view.h"
#include "core/mailbox.h"
#include "core/snapshot.h"
#include "core/stats_blocks.h"

namespace ringfold {

class StatsRegistry {
 public:
  StatsRegistry();
  StatsRegistry(const StatsRegistry&) = delete;
  StatsRegistry& operator=(const StatsRegistry&) = delete;

  // Gives the snapshot its blocks, before any worker sees it. Those of pools and servers whose
  // names were there before are the same as before.
  void attach(Snapshot& snapshot);

  // From now on this is what is shown. Requires: attach(snapshot).
  void publish(const Snapshot& snapshot);

  // How the process talks to the kernel: "io_uring" or "epoll".
  void set_io(std::string io);
  void set_draining();
  void count_reload(bool succeeded);

  // Requires: event.kind is slow.
  void add_slow(u32 worker, const WorkerEvent& event);

  // All numbers as they are now. The first call for a configuration tries 100,000 keys a pool for
  // the servers' shares of them, which takes a hundredth of a second each; who calls meanwhile sees
  // shares of 0.
  [[nodiscard]] StatsView gather();

 private:
  struct ShownServer {
    std::string name;
    std::string address;
    u32 weight = 1;
    double key_share = 0;
  };
  struct ShownPool {
    std::string name;
    Protocol protocol = Protocol::redis;
    std::vector<std::string> listen;
    std::vector<ShownServer> servers;
  };

  void find_key_shares();
  void gather_workers(StatsView& view) const;
  [[nodiscard]] PoolView gather_pool(std::size_t index) const;
  [[nodiscard]] ServerView gather_server(std::size_t pool, std::size_t index) const;
  [[nodiscard]] HotPoolView gather_hot_keys(std::size_t pool) const;

  const Nanos started_;
  std::mutex mutex_;  // guards all below
  StatsBlocks blocks_;
  std::vector<WorkerBlocks> shown_blocks_;
  std::vector<ShownPool> pools_;
  std::vector<PoolConfig> pools_to_try_;  // for their servers' shares of the keys
  u64 publications_ = 0;
  u64 memory_limit_ = 0;
  bool hot_keys_enabled_ = false;
  std::string io_;
  bool is_draining_ = false;
  u64 reloads_succeeded_ = 0;
  u64 reloads_failed_ = 0;
  SlowLog slow_log_;
};

}  // namespace ringfold
