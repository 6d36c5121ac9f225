// Merging: from the replies of several servers, held in memory, to the client's one. The time that
// counts is the one per key (or per part, where parts have no keys).
// Run: build/bench/micro/merge_bench
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/context.h"
#include "core/memcached_dispatch.h"
#include "core/redis_dispatch.h"
#include "core/stats_blocks.h"
#include "perfect_ring.h"
#include "ringfold/base/prng.h"
#include "ringfold/proto/resp.h"

namespace {

using namespace ringfold;

constexpr u32 kServers = 4;
constexpr u32 kValueSize = 32;

std::string key_name(u32 index) {
  return "key:" + std::to_string(1'000'000 + index);
}

// A parent request whose children have all answered, and what merging needs around it.
class Merging {
 public:
  Merging(Merge merge, u32 keys)
      : snapshot_(make_snapshot(stats_)), context_(snapshot_, ring_, outbox_, 0, 1) {
    Pool& pool = context_.pools.emplace_back();
    pool.config = &snapshot_.config.pools[0];
    client_ = context_.clients.take();
    parent_ = take_request(context_, RequestKind::parent);
    Request& parent = context_.requests[parent_];
    parent.client = client_;
    parent.merge = merge;
    parent.ready = true;
    parent.fanout = context_.blocks.take(Fanout::bytes(kServers, keys));
    Fanout& fanout = Fanout::create(parent.fanout, kServers, keys);
    // No regular order: servers are chosen by hashes.
    Prng prng(1);
    for (u16& child : fanout.key_children()) {
      child = static_cast<u16>(prng.below(kServers));
      ++fanout.children()[child].key_count;
    }
  }
  ~Merging() {
    Request& parent = context_.requests[parent_];
    for (const FanoutChild& child : fanout().children()) context_.blocks.give(child.reply);
    if (parent.reply != nullptr) context_.blocks.give(parent.reply);
    context_.blocks.give(parent.fanout);
    out_.clear(context_.blocks);
  }
  Merging(const Merging&) = delete;
  Merging& operator=(const Merging&) = delete;

  Fanout& fanout() { return fanout_of(context_.requests[parent_].fanout); }
  void set_reply(u32 child, std::string_view bytes) {
    fanout().children()[child].reply = block_of(bytes);
  }
  void set_keys(std::string_view keys) { context_.requests[parent_].reply = block_of(keys); }

  u64 merge(Protocol protocol) {
    Request& parent = context_.requests[parent_];
    if (protocol == Protocol::redis) {
      merge_redis(context_, parent, out_);
    } else {
      merge_memcached(context_, parent, out_);
    }
    const u64 size = out_.size();
    out_.clear(context_.blocks);
    return size;
  }

 private:
  static Snapshot make_snapshot(StatsBlocks& stats) {
    Snapshot snapshot;
    snapshot.config.pools.emplace_back();
    stats.attach(snapshot);
    return snapshot;
  }
  Block* block_of(std::string_view bytes) {
    Block* block = context_.blocks.take(bytes.size() + kReadablePadding);
    std::memcpy(block->data, bytes.data(), bytes.size());
    block->end = static_cast<u32>(bytes.size());
    return block;
  }

  StatsBlocks stats_;
  Snapshot snapshot_;
  perfect::PerfectRing ring_;
  SpscRing<WorkerEvent> events_{64};
  Outbox outbox_{events_, -1};
  Context context_;
  Batch out_;
  u32 client_ = kNone;
  u32 parent_ = kNone;
};

void run(benchmark::State& state, Merging& merging, Protocol protocol, u64 expected, i64 items) {
  for (auto _ : state) {
    if (merging.merge(protocol) != expected) {
      state.SkipWithError("the merged reply has not the size it should have");
      return;
    }
  }
  state.SetItemsProcessed(state.iterations() * items);
  state.counters["per_item"] =
      benchmark::Counter(static_cast<double>(state.iterations() * items),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void redis_mget(benchmark::State& state) {
  const u32 keys = static_cast<u32>(state.range(0));
  Merging merging(Merge::array_by_key, keys);
  const std::string value(kValueSize, 'v');
  std::string whole;
  resp::encode_number_line(whole, '*', keys);
  for (u32 child = 0; child < kServers; ++child) {
    std::string reply;
    const u32 count = merging.fanout().children()[child].key_count;
    resp::encode_number_line(reply, '*', count);
    for (u32 i = 0; i < count; ++i) resp::encode_bulk(reply, value);
    merging.set_reply(child, reply);
  }
  for (u32 i = 0; i < keys; ++i) resp::encode_bulk(whole, value);
  run(state, merging, Protocol::redis, whole.size(), keys);
}

void redis_small(benchmark::State& state, Merge merge, std::string_view part,
                 std::string_view whole) {
  Merging merging(merge, 0);
  for (u32 child = 0; child < kServers; ++child) merging.set_reply(child, part);
  run(state, merging, Protocol::redis, whole.size(), kServers);
}

void memcached_get(benchmark::State& state) {
  const u32 keys = static_cast<u32>(state.range(0));
  Merging merging(Merge::values_by_key, keys);
  const std::string value(kValueSize, 'v');
  std::string names;
  std::vector<std::string> replies(kServers);
  u64 size = std::string_view("END\r\n").size();
  for (u32 i = 0; i < keys; ++i) {
    const std::string block =
        "VALUE " + key_name(i) + " 0 " + std::to_string(kValueSize) + "\r\n" + value + "\r\n";
    replies[merging.fanout().key_children()[i]] += block;
    size += block.size();
    names.append(key_name(i)).append(" ");
  }
  for (u32 child = 0; child < kServers; ++child)
    merging.set_reply(child, replies[child] + "END\r\n");
  merging.set_keys(names);
  run(state, merging, Protocol::memcached, size, keys);
}

BENCHMARK(redis_mget)->Arg(2)->Arg(10)->Arg(100);
BENCHMARK_CAPTURE(redis_small, sum, Merge::sum, ":25\r\n", ":100\r\n");
BENCHMARK_CAPTURE(redis_small, all_ok, Merge::all_ok, "+OK\r\n", "+OK\r\n");
BENCHMARK(memcached_get)->Arg(2)->Arg(10)->Arg(100);

}  // namespace

BENCHMARK_MAIN();
