#include "core/health.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/context.h"
#include "core/resend.h"

namespace ringfold {

namespace {

// A server that was restarted is found again soon; one that stays away costs a connect a second.
constexpr Nanos kFirstProbe = kMillisecond;
constexpr Nanos kProbeMax = kSecond;

// A pool whose requests are tried again does so at once, so often.
constexpr u32 kTriesAtOnce = 4;

// Workers that lost a server together must not come back together: up to this share of the wait is
// cut off at random.
constexpr u64 kJitterShare = 4;

Nanos with_jitter(Context& context, Nanos wait) {
  const u64 room = static_cast<u64>(wait) / kJitterShare;
  return wait - static_cast<Nanos>(context.prng.below(room + 1));
}

std::string describe(const Context& context, u16 pool, const Backend& backend) {
  return fmt::format("pool \"{}\": server \"{}\" ({})", context.pools[pool].config->name,
                     backend.config->name, to_string(backend.address));
}

bool has_open_connection(const Context& context, const Backend& backend) {
  return std::any_of(backend.connections.begin(), backend.connections.end(), [&](u32 index) {
    if (index == kNone) return false;
    const BackendConnection& connection = context.connections[index];
    return connection.state == BackendState::ready && !connection.retired();
  });
}

void schedule_probe(Context& context, Health& health, const PoolConfig& pool) {
  Nanos wait = static_cast<Nanos>(pool.server_retry_timeout_ms) * kMillisecond;
  if (health.state == HealthState::down) {
    wait = std::min(kFirstProbe << std::min(health.probes, 20u), kProbeMax);
  }
  ++health.probes;
  health.next_probe = context.now() + with_jitter(context, std::max(wait, kFirstProbe));
  context.next_deadline = std::min(context.next_deadline, health.next_probe);
}

void enter(Backend& backend, HealthState state) {
  backend.health.state = state;
  backend.stats->health.set(static_cast<u64>(state));
}

void eject(Context& context, u16 pool_index, Backend& backend) {
  Pool& pool = context.pools[pool_index];
  Health& health = backend.health;
  context.outbox.log(LogLevel::warn,
                     fmt::format("{} is ejected after {} {} in a row: it {}",
                                 describe(context, pool_index, backend), health.failures,
                                 health.failures == 1 ? "failure" : "failures",
                                 failure_reason(health.reason, health.detail)));
  if (health.state == HealthState::up) health.since = context.now();
  enter(backend, HealthState::ejected);
  backend.stats->ejections.add();
  backend.stats->ejected_at.set(static_cast<u64>(context.now()));
  health.probes = 0;
  schedule_probe(context, health, *pool.config);
  if (pool.config->on_failure != OnFailure::rehash) return;
  build_shards(pool);
  deal_waiting(context, pool_index);
}

bool is_full(const Health& health, const PoolConfig& pool) {
  return pool.auto_eject_hosts && health.failures >= std::max(1u, pool.server_failure_limit);
}

}  // namespace

void build_shards(Pool& pool) {
  std::vector<ShardServer> servers;
  servers.reserve(pool.backends.size());
  const bool moves = pool.config->on_failure == OnFailure::rehash;
  for (const Backend& backend : pool.backends) {
    const bool is_live = !moves || backend.health.state != HealthState::ejected;
    servers.push_back({backend.config->name, backend.config->weight, is_live});
  }
  pool.shards = ShardMap::build(pool.config->sharding, servers);
}

bool is_tried_again(const PoolConfig& pool, Failure failure) {
  if (!pool.auto_eject_hosts || pool.on_failure != OnFailure::rehash) return false;
  switch (failure) {
    case Failure::refused:
    case Failure::unreachable:
    case Failure::closed:
    case Failure::reset:
    case Failure::password_refused:
    case Failure::database_refused:
    case Failure::probe_refused:
      return true;
    default:
      return false;
  }
}

void note_failure(Context& context, u16 pool_index, u32 backend_index, Failure failure,
                  std::string_view detail, bool is_gone) {
  if (context.draining || failure == Failure::out_of_descriptors) return;
  Pool& pool = context.pools[pool_index];
  Backend& backend = pool.backends[backend_index];
  Health& health = backend.health;
  ++health.failures;
  backend.stats->failures.add();
  health.reason = failure;
  health.detail = detail;
  if (health.state == HealthState::ejected) {
    // The probe's connection, or one that was open when it was ejected.
    if (health.next_probe == kNever) schedule_probe(context, health, *pool.config);
    return;
  }
  if (is_full(health, *pool.config)) {
    eject(context, pool_index, backend);
    return;
  }
  if (!is_gone || has_open_connection(context, backend)) return;
  const bool was_up = health.state == HealthState::up;
  if (was_up && health.failures < kTriesAtOnce && is_tried_again(*pool.config, failure)) return;
  if (health.state == HealthState::up) {
    enter(backend, HealthState::down);
    health.since = context.now();
    health.probes = 0;
  } else if (health.next_probe != kNever) {
    return;  // an older connection; the next probe is on its way
  }
  schedule_probe(context, health, *pool.config);
}

void note_open_failures(Context& context) {
  for (std::size_t i = 0; i < context.open_failures.size(); ++i) {
    const BackendName name = context.open_failures[i];
    Failure& failure = context.pools[name.pool].backends[name.backend].open_failure;
    note_failure(context, name.pool, name.backend, std::exchange(failure, Failure::none), {}, true);
  }
  context.open_failures.clear();
}

void note_timeout(Context& context, u16 pool_index, u32 backend_index) {
  Pool& pool = context.pools[pool_index];
  Health& health = pool.backends[backend_index].health;
  if (health.state != HealthState::up || context.now() < health.timeouts_count_from) return;
  health.timeouts_count_from =
      context.now() + static_cast<Nanos>(pool.config->timeout_ms) * kMillisecond;
  ++health.failures;
  pool.backends[backend_index].stats->failures.add();
  health.reason = Failure::timed_out;
  health.detail.clear();
  if (is_full(health, *pool.config)) eject(context, pool_index, pool.backends[backend_index]);
}

void note_return(Context& context, u16 pool_index, u32 backend_index) {
  Pool& pool = context.pools[pool_index];
  Backend& backend = pool.backends[backend_index];
  const bool was_ejected = backend.health.state == HealthState::ejected;
  context.outbox.log(LogLevel::info,
                     fmt::format("{} is back after {} ms", describe(context, pool_index, backend),
                                 (context.now() - backend.health.since) / kMillisecond));
  backend.health = Health{};
  enter(backend, HealthState::up);
  backend.stats->returns.add();
  if (!was_ejected || pool.config->on_failure != OnFailure::rehash) return;
  build_shards(pool);
  deal_waiting(context, pool_index);
}

Nanos probe_if_due(Context& context, u16 pool_index, u32 backend_index) {
  Health& health = context.pools[pool_index].backends[backend_index].health;
  if (health.next_probe > context.now()) return health.next_probe;
  health.next_probe = kNever;
  if (context.draining) return kNever;
  const Failure failure = start_probe(context, pool_index, backend_index);
  if (failure == Failure::none) {
    // What gave way to the probe may have asked for another one; it would end this one.
    health.next_probe = kNever;
    return kNever;
  }
  note_failure(context, pool_index, backend_index, failure, {}, true);
  if (health.next_probe == kNever) {
    schedule_probe(context, health, *context.pools[pool_index].config);
  }
  return health.next_probe;
}

void probe_soon(Context& context, Health& health) {
  health.next_probe = context.now();
  context.next_deadline = context.now();
}

std::string refusal_line(const Context& context, u16 pool_index, u32 backend_index,
                         Failure failure) {
  const Pool& pool = context.pools[pool_index];
  const Backend& backend = pool.backends[backend_index];
  backend.stats->errors[failure].add();
  std::string detail;
  if (failure == Failure::ejected) {
    detail = failure_reason(backend.health.reason, backend.health.detail);
  } else if (failure == backend.health.reason) {
    detail = backend.health.detail;
  }
  return failure_line(pool.config->protocol, failure, backend.config->name, detail);
}

bool is_taken_for_miss(const Context& context, u16 pool, Failure failure) {
  return failure == Failure::ejected && context.pools[pool].config->on_failure == OnFailure::miss;
}

}  // namespace ringfold
