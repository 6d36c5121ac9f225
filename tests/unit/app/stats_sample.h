// A registry with numbers in it, as a process of two workers and two pools would have them.
#pragma once

#include "app/stats_registry.h"

namespace ringfold {

struct StatsSample {
  StatsSample() {
    snapshot.config.threads = 2;
    snapshot.config.memory_limit = 1'000'000;
    for (const char* const name : {"sessions", "a \"quoted\\ pool"}) {
      PoolConfig& pool = snapshot.config.pools.emplace_back();
      pool.name = name;
      pool.listen = {Endpoint{"127.0.0.1", 22121, ""}};
      pool.servers = {{"alpha", {"127.0.0.1", 6379, ""}, 1}, {"beta", {"::1", 6380, ""}, 3}};
    }
    registry.attach(snapshot);
    registry.publish(snapshot);
    registry.set_io("io_uring");
    for (u32 worker = 0; worker < 2; ++worker) fill(worker);
  }

  PoolStats& pool(u32 worker) { return *snapshot.stats[worker].pools[0].pool; }
  ServerStats& server(u32 worker, u32 index) {
    return *snapshot.stats[worker].pools[0].servers[index];
  }

  Snapshot snapshot;
  StatsRegistry registry;

 private:
  void fill(u32 worker) {
    snapshot.stats[worker].worker->ticks.add(10);
    snapshot.stats[worker].worker->block_bytes.set(1000);
    pool(worker).requests[0].add(5);
    pool(worker).latency[0].add(100, 4);
    pool(worker).errors[ClientError::idle].add(2);
    pool(worker).clients.add(3);
    for (u32 i = 0; i < 10; ++i) pool(worker).hot_keys.note(i < 7 ? "hot" : "c\nld");
    server(worker, 0).requests[0].add(5);
    server(worker, 0).replies.add(4);
    server(worker, 0).errors[Failure::timed_out].add(1);
    server(worker, 0).waiting[0].add(0, 4);
    server(worker, 0).serving[0].add(100, 4);
    server(worker, 0).pending.add(1);
  }
};

}  // namespace ringfold
