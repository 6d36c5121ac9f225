#include "app/placed_ring.h"

#include <fmt/core.h>

namespace ringfold {

std::string place_of(const std::string& name, const Endpoint& endpoint) {
  return fmt::format("{}\t{}", name, to_string(endpoint));
}

PlacedRing place_pool(const PoolConfig& pool) {
  PlacedRing ring;
  std::vector<ShardServer> servers;
  for (const ServerConfig& server : pool.servers) {
    servers.push_back({server.name, server.weight, true});
    ring.places.push_back(place_of(server.name, server.endpoint));
  }
  ring.map = ShardMap::build(pool.sharding, servers);
  return ring;
}

}  // namespace ringfold
