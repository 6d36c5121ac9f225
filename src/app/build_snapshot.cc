#include "app/build_snapshot.h"

#include <fmt/core.h>

#include "app/endpoint.h"

namespace ringfold {

Expected<Snapshot> build_snapshot(Config config, ClientCounts& counts) {
  Snapshot snapshot;
  for (const PoolConfig& pool : config.pools) {
    PoolAddresses addresses;
    for (const Endpoint& endpoint : pool.listen) {
      const auto address = resolve(endpoint);
      if (!address) {
        return fail(fmt::format("pool {} cannot listen on {}: {}", shown(pool.name),
                                shown(to_string(endpoint)), address.error().text));
      }
      addresses.listen.push_back(*address);
    }
    for (const ServerConfig& server : pool.servers) {
      addresses.servers.emplace_back();
      if (has_host_name(server.endpoint)) continue;
      const auto address = resolve(server.endpoint);
      if (!address) {
        return fail(fmt::format("pool {}: server {} has no address: {}", shown(pool.name),
                                shown(server.name), address.error().text));
      }
      addresses.servers.back() = *address;
    }
    snapshot.addresses.push_back(std::move(addresses));
    snapshot.client_counts.push_back(counts.of(pool.name));
  }
  snapshot.config = std::move(config);
  return snapshot;
}

}  // namespace ringfold
