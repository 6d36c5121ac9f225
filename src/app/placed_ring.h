// A pool's ring whose answers are places, for whoever compares rings of different lists of servers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ringfold/config.h"
#include "ringfold/hash/shard_map.h"

namespace ringfold {

struct PlacedRing {
  ShardMap map;
  std::vector<std::string> places;  // of each server of the map: "name<TAB>address"

  // The place of a key. random: see ShardMap::route.
  [[nodiscard]] const std::string& find(std::string_view key, u64 random = 0) const {
    return places[map.route(key, random)];
  }
};

// The name of a server and where it is reached, as one text.
[[nodiscard]] std::string place_of(const std::string& name, const Endpoint& endpoint);

[[nodiscard]] PlacedRing place_pool(const PoolConfig& pool);

}  // namespace ringfold
