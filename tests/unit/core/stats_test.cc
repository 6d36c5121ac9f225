// The blocks that workers count in, and what they say of slow requests.
#include "core/stats.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "core/key_prefixes.h"
#include "core/mailbox.h"
#include "core/stats_blocks.h"

using namespace ringfold;

namespace {

Snapshot snapshot_of(u32 threads, std::initializer_list<const char*> servers) {
  Snapshot snapshot;
  snapshot.config.threads = threads;
  PoolConfig& pool = snapshot.config.pools.emplace_back();
  pool.name = "pool";
  for (const char* const server : servers) pool.servers.push_back({server, {}, 1});
  return snapshot;
}

}  // namespace

TEST_CASE("a server keeps its counts as long as its name and its pool's stay") {
  StatsBlocks blocks;
  Snapshot before = snapshot_of(2, {"a", "b"});
  blocks.attach(before);
  REQUIRE(before.stats.size() == 2);
  before.stats[1].pools[0].servers[1]->replies.add(7);
  before.stats[1].pools[0].pool->abandoned.add(3);
  Snapshot after = snapshot_of(2, {"c", "b"});
  blocks.attach(after);
  CHECK(after.stats[1].pools[0].servers[1]->replies.get() == 7);
  CHECK(after.stats[1].pools[0].pool->abandoned.get() == 3);
  CHECK(after.stats[0].pools[0].servers[1]->replies.get() == 0);
  CHECK(after.stats[1].pools[0].servers[0]->replies.get() == 0);
  CHECK(after.stats[0].worker == before.stats[0].worker);
  Snapshot back = snapshot_of(2, {"a"});
  blocks.attach(back);
  CHECK(back.stats[0].pools[0].servers[0] == before.stats[0].pools[0].servers[0]);
}

TEST_CASE("no two workers share a cache line") {
  StatsBlocks blocks;
  Snapshot snapshot = snapshot_of(3, {"a", "b"});
  blocks.attach(snapshot);
  static_assert(sizeof(WorkerStats) % 64 == 0);
  static_assert(sizeof(PoolStats) % 64 == 0);
  static_assert(sizeof(ServerStats) % 64 == 0);
  for (const WorkerBlocks& worker : snapshot.stats) {
    CHECK(reinterpret_cast<std::uintptr_t>(worker.worker) % 64 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(worker.pools[0].pool) % 64 == 0);
    for (const ServerStats* const server : worker.pools[0].servers) {
      CHECK(reinterpret_cast<std::uintptr_t>(server) % 64 == 0);
    }
  }
}

TEST_CASE("every reason has a name of its own") {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kClientErrors; ++i) {
    CHECK(names.insert(name_of(static_cast<ClientError>(i))).second);
  }
  // Two reasons may be on both sides: no request slot is left, the end cuts off.
  std::set<std::string> failures;
  for (std::size_t i = 0; i < kFailures; ++i) {
    CHECK(failures.insert(name_of(static_cast<Failure>(i))).second);
  }
  CHECK(!names.contains(""));
  CHECK(!failures.contains(""));
}

TEST_CASE("a slow request is reported with its words, long ones cut") {
  SpscRing<WorkerEvent> ring(2);
  Outbox outbox(ring, -1);
  const std::string key("k\0\xff", 3);
  outbox.report_slow({10, 1, 2, 3}, std::string(300, 'p'), "", "get", key);
  WorkerEvent event;
  REQUIRE(ring.try_pop(event));
  CHECK(event.kind == WorkerEvent::Kind::slow);
  CHECK(event.times.total == 10);
  CHECK(event.times.writing == 3);
  const auto words = event.slow_words();
  CHECK(words[0] == std::string(59, 'p'));
  CHECK(words[1].empty());
  CHECK(words[2] == "get");
  CHECK(words[3] == key);
}

TEST_CASE("events that find no room are counted") {
  SpscRing<WorkerEvent> ring(2);
  Outbox outbox(ring, -1);
  for (u32 i = 0; i < 5; ++i) outbox.report_slow({}, "p", "s", "get", "");
  CHECK(outbox.dropped() == 3);
}

TEST_CASE("a worker reports a few slow requests in a turn, and some in a second") {
  SlowQuota quota;
  u32 taken = 0;
  for (u32 i = 0; i < 100; ++i) taken += quota.take(stamp_of(kSecond), 1) ? 1 : 0;
  CHECK(taken == 8);
  for (u32 tick = 2; tick < 100; ++tick) taken += quota.take(stamp_of(kSecond), tick) ? 1 : 0;
  CHECK(taken == 64);
  CHECK(quota.take(stamp_of(3 * kSecond), 100));
}

TEST_CASE("the first bytes of keys are kept by slot") {
  KeyPrefixes prefixes(16);
  const std::string padded = std::string("short") + std::string(kReadablePadding, '.');
  prefixes.set(3, std::string_view(padded).substr(0, 5));
  prefixes.set(4, std::string_view(padded).substr(0, 50));
  prefixes.set(5, {});
  CHECK(prefixes.get(3) == "short");
  CHECK(prefixes.get(4) == std::string_view(padded).substr(0, KeyPrefixes::kPrefixMax));
  CHECK(prefixes.get(5).empty());
  prefixes.trim();
  CHECK(prefixes.get(3).empty());
  KeyPrefixes none(0);
  none.set(1, std::string_view(padded).substr(0, 5));
  CHECK(none.get(1).empty());
}
