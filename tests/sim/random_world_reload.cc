// Random worlds whose configuration changes while they run: servers leave, come back, change places
// and weights; connections, distributions and limits are others.
#include <algorithm>
#include <numeric>

#include "random_world.h"

namespace ringfold::sim {

void RandomWorld::start_reloads() {
  if (!reloads_) return;
  reloads_left_ = 1 + static_cast<u32>(dice_.below(8));
  stage_.universe.after(dice_.between(0, 30'000) * kMicrosecond, *this, kReload, 0);
}

// As the world's pool, but for what a reload may change without giving anybody a reason for an
// error.
PoolConfig RandomWorld::pick_another() {
  PoolConfig next = pool_;
  next.server_connections = 1 + static_cast<u32>(dice_.below(3));
  next.preconnect = dice_.chance(1, 2);
  if (faulty_ && pool_.timeout_ms != 0) next.timeout_ms = 20u << dice_.below(5);
  if (pool_.auto_eject_hosts) next.auto_eject_hosts = dice_.chance(1, 2);
  if (is_memcached()) next.fold_gets = dice_.chance(1, 2);
  if (!servers_change_) return next;
  for (ServerConfig& server : next.servers) server.weight = 1 + static_cast<u32>(dice_.below(3));
  for (std::size_t i = next.servers.size(); i > 1; --i) {
    std::swap(next.servers[i - 1], next.servers[dice_.below(i)]);
  }
  next.servers.resize(1 + dice_.below(next.servers.size()));
  if (pool_.sharding.distribution != Distribution::random) {
    next.sharding.distribution = static_cast<Distribution>(dice_.below(6));
    if (next.sharding.distribution == Distribution::random)
      next.sharding.distribution = Distribution::modula;
  }
  return next;
}

void RandomWorld::reload() {
  if (stage_.finished() || drained_ || reloads_left_ == 0) return;
  --reloads_left_;
  // The last one brings back what the world began with.
  const PoolConfig next = reloads_left_ == 0 ? pool_ : pick_another();
  std::vector<Address> servers;
  place_of_.assign(server_count_, kNone);
  for (u32 place = 0; place < next.servers.size(); ++place) {
    const auto same =
        std::ranges::find(pool_.servers, next.servers[place].name, &ServerConfig::name);
    const u32 server = static_cast<u32>(same - pool_.servers.begin());
    place_of_[server] = place;
    servers.push_back(told_[server]);
  }
  stage_.universe.sights.see(Sight::reloaded);
  stage_.reload(next, servers);
  if (reloads_left_ == 0) return;
  stage_.universe.after(dice_.between(0, 30'000) * kMicrosecond, *this, kReload, 0);
}

// Whatever was to come: the world's own pool is in force.
void RandomWorld::end_reloads() {
  if (!reloads_ || reloads_left_ == 0) return;
  reloads_left_ = 1;
  reload();
}

}  // namespace ringfold::sim
