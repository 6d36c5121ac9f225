#include "core/reload.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/context.h"
#include "core/fanout.h"
#include "core/health.h"
#include "core/listening.h"

namespace ringfold {

namespace {

constexpr u16 kNoSlot = 0xffff;

// What a snapshot says of one pool.
struct PoolSource {
  PoolSource(const Snapshot& snapshot, u32 worker, std::size_t place)
      : config(snapshot.config.pools[place]),
        addresses(snapshot.addresses[place]),
        blocks(snapshot.stats[worker].pools[place]) {}

  const PoolConfig& config;
  const PoolAddresses& addresses;
  const PoolBlocks& blocks;
};

Backend make_backend(const PoolSource& next, std::size_t index) {
  Backend backend;
  backend.config = &next.config.servers[index];
  backend.stats = next.blocks.servers[index];
  backend.address = next.addresses.servers[index];
  backend.named = has_host_name(next.config.servers[index].endpoint);
  backend.connections.assign(lane_count(next.config), kNone);
  return backend;
}

// The server is counted elsewhere from now on, because it, or its pool, has another name.
void count_in(Context& context, Backend& backend, ServerStats& stats) {
  if (backend.stats == &stats) return;
  for (const u32 index : backend.connections) {
    if (index == kNone) continue;
    BackendConnection& connection = context.connections[index];
    connection.stats = &stats;
    const auto move = [&](Counter ServerStats::*counter, u64 count) {
      (backend.stats->*counter).subtract(count);
      (stats.*counter).add(count);
    };
    move(&ServerStats::connections, 1);
    move(&ServerStats::pending, connection.shown_pending);
    move(&ServerStats::unsent, connection.shown_unsent);
    move(&ServerStats::unsent_bytes, connection.shown_bytes);
  }
  backend.stats = &stats;
}

bool is_same_server(const Backend& backend, const ServerConfig& server, const Address& address) {
  if (backend.config->endpoint == server.endpoint) return true;
  return address.resolved() && backend.address == address;
}

// For each server of the next configuration the backend that it is already, or kNone. Of several at
// one address those with the same name are the same.
std::vector<u32> match_servers(const Pool& pool, const PoolSource& next) {
  const std::vector<ServerConfig>& servers = next.config.servers;
  const std::vector<Address>& addresses = next.addresses.servers;
  std::vector<bool> is_taken(pool.backends.size());
  std::vector<u32> found(servers.size(), kNone);
  for (const bool by_name : {true, false}) {
    for (std::size_t i = 0; i < servers.size(); ++i) {
      for (u32 j = 0; j < pool.backends.size() && found[i] == kNone; ++j) {
        if (is_taken[j] || !is_same_server(pool.backends[j], servers[i], addresses[i])) continue;
        if (by_name && pool.backends[j].config->name != servers[i].name) continue;
        found[i] = j;
        is_taken[j] = true;
      }
    }
  }
  return found;
}

bool has_connection(const Backend& backend) {
  return std::ranges::any_of(backend.connections, [](u32 index) { return index != kNone; });
}

// Calls visit(FanoutChild&) for each part of the commands that the pool's clients wait for.
template <class Visit>
void visit_children(Context& context, u16 pool, Visit visit) {
  for (u32 index = 0; index < context.requests.touched(); ++index) {
    Request& request = context.requests[index];
    const bool is_parent = request.kind == RequestKind::parent && request.fanout != nullptr;
    if (!is_parent || request.client == kNone) continue;
    if (context.clients[request.client].pool != pool) continue;
    for (FanoutChild& child : fanout_of(request.fanout).children()) visit(child);
  }
}

template <class Visit>
void visit_clients(Context& context, u16 pool, Visit visit) {
  for (u32 index = 0; index < context.clients.touched(); ++index) {
    Client& client = context.clients[index];
    if (client.state != ClientState::free && client.pool == pool) visit(index, client);
  }
}

// The pool's backends stand at other places now.
void renumber_backends(Context& context, u16 pool, const std::vector<u32>& moved_to) {
  for (u32 index = 0; index < context.connections.touched(); ++index) {
    BackendConnection& connection = context.connections[index];
    const bool is_open =
        connection.state != BackendState::free && connection.state != BackendState::closing;
    if (!is_open || connection.pool != pool) continue;
    RINGFOLD_ASSERT(moved_to[connection.backend] != kNone);
    connection.backend = static_cast<u16>(moved_to[connection.backend]);
  }
  visit_children(context, pool, [&](FanoutChild& child) { child.server = moved_to[child.server]; });
  for (u32 index = 0; index < context.requests.touched(); ++index) {
    Request& request = context.requests[index];
    const bool is_answered =
        request.in_client && request.ready && !request.in_backend && !request.expired;
    if (!is_answered || request.kind != RequestKind::single || request.served_by == kNone) continue;
    if (context.clients[request.client].pool == pool)
      request.served_by = moved_to[request.served_by];
  }
  visit_clients(context, pool, [&](u32, Client& client) {
    if (client.bypassed != kNone) client.bypassed = moved_to[client.bypassed];
  });
}

// Puts the backend's connections to where they belong with so many lanes. is_retired: all of them
// behind, to finish what they have.
void lay_out_connections(Context& context, Backend& backend, u32 lanes_before, u32 lanes_after,
                         bool is_retired) {
  std::vector<u32> idle;
  std::vector<u32> places(lanes_after, kNone);
  for (u32 place = 0; place < backend.connections.size(); ++place) {
    const u32 index = backend.connections[place];
    if (index == kNone) continue;
    BackendConnection& connection = context.connections[index];
    if (place < lanes_before && !is_retired) {
      places[place] = index;
      continue;
    }
    if (place < lanes_before) {
      connection.retired_at = context.now();
      if (connection.first_live == kNone) idle.push_back(index);
    }
    connection.place = static_cast<u16>(places.size());
    places.push_back(index);
  }
  backend.connections = std::move(places);
  for (const u32 index : idle) fail_connection(context, index, Failure::closed);
}

// The backends that the next configuration leaves out but somebody waits for come behind.
struct Arrangement {
  std::vector<Backend> backends;
  std::vector<u32> moved_to;  // for each present one; kNone: it is not kept
  bool is_moved = false;      // some stand at other places
  bool is_revived = false;    // some were left out before, and still have their connections
};

Arrangement arrange_backends(Context& context, u16 slot, const PoolSource& next) {
  Pool& pool = context.pools[slot];
  Arrangement result;
  result.moved_to.assign(pool.backends.size(), kNone);
  const std::vector<u32> matches = match_servers(pool, next);
  for (u32 i = 0; i < next.config.servers.size(); ++i) {
    if (matches[i] == kNone) {
      result.backends.push_back(make_backend(next, i));
      continue;
    }
    Backend& backend = pool.backends[matches[i]];
    if (matches[i] >= pool.server_count()) {
      result.is_revived |= has_connection(backend);
      // Nobody has asked for it while it was left out.
      if (backend.health.state != HealthState::up) probe_soon(context, backend.health);
    }
    result.moved_to[matches[i]] = i;
    count_in(context, backend, *next.blocks.servers[i]);
    backend.config = &next.config.servers[i];
    backend.named = has_host_name(next.config.servers[i].endpoint);
    backend.last_config.reset();
    result.backends.push_back(std::move(backend));
  }
  std::vector<bool> is_asked(pool.backends.size());
  visit_children(context, slot, [&](FanoutChild& child) { is_asked[child.server] = true; });
  for (u32 j = 0; j < pool.backends.size(); ++j) {
    Backend& backend = pool.backends[j];
    if (result.moved_to[j] == kNone && (is_asked[j] || has_connection(backend))) {
      result.moved_to[j] = static_cast<u32>(result.backends.size());
      if (!backend.last_config)
        backend.last_config = std::make_unique<ServerConfig>(*backend.config);
      backend.config = backend.last_config.get();
      backend.health.next_probe = kNever;
      result.backends.push_back(std::move(backend));
    }
    result.is_moved |= result.moved_to[j] != j;
  }
  return result;
}

// Requests that wait are given no more time than those that come now: the front of a line has the
// earliest deadline.
void shorten_deadlines(Context& context, const Pool& pool, Nanos limit) {
  const Nanos latest = context.now() + limit;
  for (const Backend& backend : pool.backends) {
    for (const u32 index : backend.connections) {
      if (index == kNone) continue;
      u32 next = context.connections[index].first_pending;
      while (next != kNone) {
        Request& request = context.requests[next];
        next = request.next_in_backend;
        if (request.kind != RequestKind::handshake)
          request.deadline = std::min(request.deadline, latest);
      }
    }
  }
}

// An ejected server of a pool that ejects none any more.
void end_ejections(Context& context, Pool& pool) {
  for (Backend& backend : std::span(pool.backends).first(pool.server_count())) {
    if (backend.health.state != HealthState::ejected) continue;
    backend.health.state = HealthState::down;
    probe_soon(context, backend.health);
  }
}

bool has_same_map(const PoolConfig& a, const PoolConfig& b) {
  const auto same = [](const ServerConfig& left, const ServerConfig& right) {
    return left.name == right.name && left.weight == right.weight;
  };
  return a.sharding == b.sharding && a.on_failure == b.on_failure &&
         a.auto_eject_hosts == b.auto_eject_hosts && std::ranges::equal(a.servers, b.servers, same);
}

// Other connections to the same servers: those that are open do not do.
bool wants_other_connections(const PoolConfig& before, const PoolConfig& after) {
  return before.server_connections != after.server_connections ||
         before.password != after.password || before.database != after.database;
}

// The probes have been given up with the other connections.
void probe_again(Context& context, Pool& pool) {
  for (Backend& backend : std::span(pool.backends).first(pool.server_count())) {
    if (backend.health.state != HealthState::up) probe_soon(context, backend.health);
  }
}

// What the next configuration of the pool, which it has already, changes besides its servers.
void change_settings(Context& context, u16 slot, const PoolConfig& before, bool is_revived) {
  Pool& pool = context.pools[slot];
  const PoolConfig& next = *pool.config;
  const bool is_reconnected = wants_other_connections(before, next);
  if (is_reconnected || is_revived) {
    visit_clients(context, slot, [](u32, Client& client) { client.held = true; });
  }
  if (!next.auto_eject_hosts) end_ejections(context, pool);
  if (!has_same_map(before, next)) build_shards(pool);
  for (u32 i = 0; i < pool.backends.size(); ++i) {
    lay_out_connections(context, pool.backends[i], lane_count(before), lane_count(next),
                        is_reconnected || i >= pool.server_count());
  }
  if (is_reconnected) probe_again(context, pool);
  const Nanos limit = request_limit(next);
  if (limit != 0) shorten_deadlines(context, pool, limit);
  if (next.client_password.empty()) {
    visit_clients(context, slot, [](u32, Client& client) { client.authenticated = true; });
  }
}

void change_pool(Context& context, u16 slot, const PoolSource& source) {
  const PoolConfig& next = source.config;
  Pool& pool = context.pools[slot];
  const PoolConfig before = *pool.config;
  Arrangement arrangement = arrange_backends(context, slot, source);
  pool.config = &next;
  pool.backends = std::move(arrangement.backends);
  if (arrangement.is_moved) renumber_backends(context, slot, arrangement.moved_to);
  if (!(before == next)) change_settings(context, slot, before, arrangement.is_revived);
  // One that was left out for a while may have moved meanwhile.
  for (u16 i = 0; i < next.servers.size(); ++i) {
    const Address& address = source.addresses.servers[i];
    if (address.resolved()) set_server_address(context, slot, i, address);
  }
}

void start_pool(Context& context, u16 slot, const PoolSource& next) {
  Pool& pool = context.pools[slot];
  pool.config = &next.config;
  for (std::size_t i = 0; i < next.config.servers.size(); ++i) {
    pool.backends.push_back(make_backend(next, i));
  }
  build_shards(pool);
}

// Its clients are served until they have what they asked for.
void remove_pool(Context& context, u16 slot) {
  Pool& pool = context.pools[slot];
  pool.removed = true;
  ++context.removed_pools;
  pool.last_config = std::make_unique<PoolConfig>(*pool.config);
  pool.config = pool.last_config.get();
  for (u32 i = 0; i < pool.server_count(); ++i) {
    pool.backends[i].config = &pool.config->servers[i];
  }
  stop_listeners(context, slot);
  visit_clients(context, slot, [&](u32 index, Client&) { dismiss_client(context, index); });
}

bool listens_on(const Pool& pool, const Address& address) {
  return std::ranges::any_of(pool.listeners, [&](const Listener& listener) {
    return listener.fd >= 0 && listener.address == address;
  });
}

// For each pool of the next configuration the slot of the pool that it is already, or kNoSlot.
std::vector<u16> match_pools(const Context& context, const Snapshot& next) {
  std::vector<u16> found(next.config.pools.size(), kNoSlot);
  for (const bool by_name : {true, false}) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      const PoolConfig& config = next.config.pools[i];
      for (u16 slot = 0; slot < context.pools.size() && found[i] == kNoSlot; ++slot) {
        const Pool& pool = context.pools[slot];
        if (pool.config == nullptr || pool.removed || pool.config->protocol != config.protocol)
          continue;
        if (std::ranges::find(found, slot) != found.end()) continue;
        const bool is_same =
            by_name ? pool.config->name == config.name
                    : std::ranges::any_of(next.addresses[i].listen, [&](const Address& address) {
                        return listens_on(pool, address);
                      });
        if (is_same) found[i] = slot;
      }
    }
  }
  return found;
}

u16 free_slot(Context& context) {
  const auto is_free = [](const Pool& pool) { return pool.config == nullptr; };
  auto place = std::ranges::find_if(context.pools, is_free);
  if (place == context.pools.end()) place = context.pools.insert(place, Pool{});
  return static_cast<u16>(place - context.pools.begin());
}

// A pool that has another name now is counted elsewhere.
void count_clients_in(Pool& pool, std::atomic<u32>& count, PoolStats& stats) {
  if (pool.stats != nullptr) pool.stats->clients.subtract(pool.clients);
  pool.stats = &stats;
  stats.clients.add(pool.clients);
  if (pool.client_count == &count) return;
  if (pool.client_count != nullptr)
    pool.client_count->fetch_sub(pool.clients, std::memory_order_relaxed);
  pool.client_count = &count;
  count.fetch_add(pool.clients, std::memory_order_relaxed);
}

// Of all servers: a name may be another server's now.
void show_health(Pool& pool) {
  for (Backend& backend : std::span(pool.backends).first(pool.server_count())) {
    const Health& health = backend.health;
    backend.stats->health.set(static_cast<u64>(health.state));
    if (health.state == HealthState::ejected)
      backend.stats->ejected_at.set(static_cast<u64>(health.since));
  }
}

void take_process_settings(Context& context, const Snapshot& next) {
  context.slow_min = slow_min_of(next.config.slow_ms);
  context.key_prefixes.resize(next.config.slow_ms != 0 ? kRequestsPerWorkerMax : 0);
  context.memory_share = next.config.memory_limit / next.config.threads;
  if (context.memory_share == 0) context.pressure = Pressure::none;
  const Nanos idle_before = context.idle_timeout;
  context.idle_timeout = kNever;
  std::size_t servers_max = 0;
  for (const PoolConfig& pool : next.config.pools) {
    servers_max = std::max(servers_max, pool.servers.size());
    if (pool.client_idle_timeout_ms == 0) continue;
    context.idle_timeout =
        std::min(context.idle_timeout, pool.client_idle_timeout_ms * kMillisecond);
  }
  context.split.clear();
  context.split.server_children.assign(servers_max, kNone);
  if (context.idle_timeout == idle_before) return;
  context.next_idle_look = context.idle_timeout == kNever ? kNever : context.now();
  if (idle_before != kNever) return;
  // Nobody has kept the time until now.
  for (u32 index = 0; index < context.clients.touched(); ++index) {
    context.clients[index].last_active = context.now();
  }
}

}  // namespace

Expected<void> take_snapshot(Context& context, const Snapshot& next) {
  note_open_failures(context);
  std::vector<u16> slots = match_pools(context, next);
  for (u16 slot = 0; slot < context.pools.size(); ++slot) {
    const Pool& pool = context.pools[slot];
    if (pool.config == nullptr || pool.removed) continue;
    if (std::ranges::find(slots, slot) == slots.end()) remove_pool(context, slot);
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const PoolSource source(next, context.worker_index, i);
    const bool is_new = slots[i] == kNoSlot;
    if (is_new) slots[i] = free_slot(context);
    Pool& pool = context.pools[slots[i]];
    count_clients_in(pool, *next.client_counts[i], *source.blocks.pool);
    if (is_new) {
      start_pool(context, slots[i], source);
    } else {
      change_pool(context, slots[i], source);
    }
    pool.place = static_cast<u16>(i);
    show_health(pool);
  }
  context.snapshot = &next;
  context.slot_of_place = slots;
  take_process_settings(context, next);
  Expected<void> result;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Expected<void> followed = follow_listeners(context, slots[i], next.addresses[i]);
    if (!followed && result) result = std::move(followed);
  }
  if (result) {
    for (const u16 slot : slots) {
      if (context.pools[slot].config->preconnect) preconnect_pool(context, slot);
    }
  }
  // Timeouts, probes and idle clients have other times now.
  context.next_deadline = context.now();
  context.outbox.note_applied(next.generation);
  return result;
}

bool end_removed_pools(Context& context) {
  if (context.removed_pools == 0) [[likely]]
    return false;
  bool has_failed = false;
  for (u16 slot = 0; slot < context.pools.size(); ++slot) {
    Pool& pool = context.pools[slot];
    if (!pool.removed || pool.clients > 0) continue;
    bool is_over = has_no_listener(context, slot);
    for (const Backend& backend : pool.backends) {
      for (const u32 index : backend.connections) {
        if (index == kNone) continue;
        fail_connection(context, index, Failure::closed);
        has_failed = true;
      }
      is_over &= !has_connection(backend);
    }
    if (!is_over) continue;
    pool = Pool{};
    --context.removed_pools;
  }
  return has_failed;
}

}  // namespace ringfold
