// What a key costs before it is on its way: ns per hash by kind and key length, ns per route by
// distribution and number of servers, and the time to build a map (what an ejection costs).
// Run: build/bench/micro/hash_bench --benchmark_min_time=0.5
//
// Keys come from a list that is long enough for the branch predictor not to learn it by heart.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "ringfold/base/prng.h"
#include "ringfold/hash/hash.h"
#include "ringfold/hash/shard_map.h"

namespace {

using namespace ringfold;

constexpr std::size_t kKeyCount = 4096;

std::vector<std::string> make_keys(std::size_t length) {
  Prng prng(length);
  std::vector<std::string> keys(kKeyCount);
  for (std::string& key : keys) {
    for (std::size_t at = 0; at < length; ++at) {
      key += static_cast<char>('a' + static_cast<char>(prng.below(26)));
    }
  }
  return keys;
}

std::vector<ShardServer> make_servers(std::size_t count, bool weighted) {
  std::vector<ShardServer> servers;
  for (std::size_t index = 0; index < count; ++index) {
    const u32 weight = weighted ? static_cast<u32>(1 + index % 3) : 1;
    servers.push_back({"10.0.0." + std::to_string(index) + ":6379", weight, true});
  }
  return servers;
}

void hash_keys(benchmark::State& state, HashKind kind) {
  const auto keys = make_keys(static_cast<std::size_t>(state.range(0)));
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(hash_key(kind, keys[next]));
    next = (next + 1) % kKeyCount;
  }
}

void route_keys(benchmark::State& state, Distribution distribution, std::string_view tag,
                bool weighted) {
  const auto keys = make_keys(16);
  const auto map =
      ShardMap::build({distribution, HashKind::fnv1a_64, std::string(tag)},
                      make_servers(static_cast<std::size_t>(state.range(0)), weighted));
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(map.route(keys[next], next));
    next = (next + 1) % kKeyCount;
  }
}

void build_map(benchmark::State& state, Distribution distribution) {
  auto servers = make_servers(static_cast<std::size_t>(state.range(0)), false);
  servers[1].live = false;
  for (auto _ : state) {
    benchmark::DoNotOptimize(ShardMap::build({distribution, HashKind::fnv1a_64, ""}, servers));
  }
}

void register_all() {
  for (u8 index = 0; index <= static_cast<u8>(HashKind::xxh3); ++index) {
    const auto kind = static_cast<HashKind>(index);
    benchmark::RegisterBenchmark(("hash/" + std::string(to_string(kind))).c_str(), hash_keys, kind)
        ->Arg(8)
        ->Arg(16)
        ->Arg(64);
  }
  for (u8 index = 0; index <= static_cast<u8>(Distribution::rendezvous); ++index) {
    const auto distribution = static_cast<Distribution>(index);
    const std::string name(to_string(distribution));
    benchmark::RegisterBenchmark(("route/" + name).c_str(), route_keys, distribution, "", false)
        ->Arg(1)
        ->Arg(4)
        ->Arg(100);
    benchmark::RegisterBenchmark(("route_weighted/" + name).c_str(), route_keys, distribution, "",
                                 true)
        ->Arg(4)
        ->Arg(100);
    benchmark::RegisterBenchmark(("build/" + name).c_str(), build_map, distribution)
        ->Arg(4)
        ->Arg(100)
        ->Unit(benchmark::kMicrosecond);
  }
  benchmark::RegisterBenchmark("route_tagged/ketama", route_keys, Distribution::ketama, "{}", false)
      ->Arg(4);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  register_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
