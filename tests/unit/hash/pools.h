// Pools and keys for the tests of the shard map.
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <vector>

#include "ringfold/hash/shard_map.h"

namespace ringfold::testing {

inline constexpr std::array kAllDistributions = {
    Distribution::ketama, Distribution::modula, Distribution::random,
    Distribution::jump,   Distribution::maglev, Distribution::rendezvous,
};

inline std::string server_name(u32 index) {
  return "10.0.0." + std::to_string(index) + ":6379";
}

// Live servers; the weights are dealt in turn.
inline std::vector<ShardServer> make_servers(u32 count, std::initializer_list<u32> weights = {1}) {
  std::vector<ShardServer> servers;
  for (u32 index = 0; index < count; ++index) {
    servers.push_back({server_name(index), weights.begin()[index % weights.size()], true});
  }
  return servers;
}

inline std::string make_key(u64 index) {
  return "user:" + std::to_string(index * 7919) + ":profile";
}

}  // namespace ringfold::testing
