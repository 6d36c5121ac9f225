// The proof of `ringfold migrate --prove`. One side is made of the lines of twemproxy's file, by
// twemproxy's rules and nothing of ringfold's configuration; the other of what ringfold reads in
// the translation. The look-up in a ring is shared: that it is twemproxy's is proven by vectors
// recorded from twemproxy (tests/vectors) and by tests against the program.
#include <fmt/core.h>

#include <algorithm>

#include "app/endpoint.h"
#include "app/migrate/migrate.h"
#include "app/placed_ring.h"
#include "app/sample_keys.h"
#include "ringfold/hash/shard_map.h"

namespace ringfold {
namespace {

// twemproxy sorts the servers of a pool: shorter names first, names of one length by bytes.
bool comes_first(const NutcrackerServer* a, const NutcrackerServer* b) {
  if (a->ring_name.size() != b->ring_name.size()) return a->ring_name.size() < b->ring_name.size();
  return a->ring_name < b->ring_name;
}

PlacedRing ring_of(const NutcrackerPool& pool) {
  std::vector<const NutcrackerServer*> sorted;
  for (const NutcrackerServer& server : pool.servers) sorted.push_back(&server);
  std::ranges::sort(sorted, comes_first);
  PlacedRing ring;
  std::vector<ShardServer> servers;
  for (const NutcrackerServer* server : sorted) {
    servers.push_back({server->ring_name, server->weight, true});
    ring.places.push_back(place_of(server->ring_name, server->endpoint));
  }
  ring.map = ShardMap::build(pool.sharding, servers);
  return ring;
}

// Keys of a random distribution have no place of their own; only the set of servers counts.
bool have_same_places(PlacedRing a, PlacedRing b) {
  std::ranges::sort(a.places);
  std::ranges::sort(b.places);
  return a.places == b.places;
}

std::string prove_pool(const NutcrackerPool& theirs, const PoolConfig* ours, bool& holds) {
  if (ours == nullptr) {
    holds = false;
    return fmt::format("pool {}: not in the translation\n", shown(theirs.name));
  }
  const PlacedRing before = ring_of(theirs);
  const PlacedRing after = place_pool(*ours);
  const std::string kind =
      fmt::format("{}, {}, servers: {}", to_string(theirs.sharding.distribution),
                  to_string(theirs.sharding.hash), theirs.servers.size());
  if (before.map.random() || after.map.random()) {
    const bool same = before.map.random() == after.map.random() && have_same_places(before, after);
    holds = holds && same;
    return fmt::format("pool {}: its keys have no fixed server; the servers are {} ({})\n",
                       shown(theirs.name), same ? "the same" : "others", kind);
  }
  u32 moved = 0;
  std::string example;
  SampleKeys keys(theirs.sharding.hash_tag);
  for (u32 i = 0; i < kSampleCount; ++i) {
    const std::string key = keys.next();
    const std::string& from = before.find(key);
    const std::string& to = after.find(key);
    if (from == to) continue;
    if (moved == 0) {
      example = fmt::format("; {} from {} to {}", shown(key), shown(from), shown(to));
    }
    moved += 1;
  }
  holds = holds && moved == 0;
  return fmt::format("pool {}: {} of {} keys move{} ({})\n", shown(theirs.name), moved,
                     kSampleCount, example, kind);
}

}  // namespace

Proof prove(const std::vector<NutcrackerPool>& pools, const Config& config) {
  Proof proof;
  proof.holds = config.pools.size() == pools.size();
  for (const NutcrackerPool& pool : pools) {
    const auto ours = std::ranges::find(config.pools, pool.name, &PoolConfig::name);
    proof.report += prove_pool(pool, ours == config.pools.end() ? nullptr : &*ours, proof.holds);
  }
  return proof;
}

}  // namespace ringfold
