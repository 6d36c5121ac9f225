#include "app/stats_registry.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "app/process_numbers.h"
#include "app/sample_keys.h"
#include "core/health.h"
#include "core/pressure.h"
#include "io/clock.h"
#include "ringfold/hash/shard_map.h"

namespace ringfold {

namespace {

// More would tell nobody more: the rest is noise of the sample.
constexpr std::size_t kHotKeysShown = 32;

std::vector<double> key_shares(const PoolConfig& pool) {
  std::vector<ShardServer> servers;
  for (const ServerConfig& server : pool.servers) {
    servers.push_back({server.name, server.weight, true});
  }
  const ShardMap shards = ShardMap::build(pool.sharding, servers);
  std::vector<u32> counts(servers.size());
  SampleKeys keys(pool.sharding.hash_tag);
  Prng prng{1};  // only for the random distribution
  for (u32 i = 0; i < kSampleCount; ++i) ++counts[shards.route(keys.next(), prng.next())];
  std::vector<double> shares;
  for (const u32 count : counts) shares.push_back(static_cast<double>(count) / kSampleCount);
  return shares;
}

template <std::size_t count>
void read_groups(const std::array<Counter, count>& from, GroupCounts& to) {
  for (std::size_t i = 0; i < count; ++i) to[i] += from[i].get();
}

template <std::size_t count>
void read_groups(const std::array<Histogram, count>& from, GroupHistograms& to) {
  for (std::size_t i = 0; i < count; ++i) from[i].read(to[i]);
}

u64 sum_of(const GroupCounts& counts) {
  return std::accumulate(counts.begin(), counts.end(), u64{0});
}

template <class Reason, std::size_t count>
void read_reasons(const CounterSet<Reason, count>& from, std::size_t first, ReasonCounts& to) {
  for (std::size_t i = first; i < count; ++i) {
    if (to.size() <= i - first) to.emplace_back(name_of(static_cast<Reason>(i)), 0);
    to[i - first].second += from.get(i);
  }
}

const char* name_of_state(u64 state) {
  switch (static_cast<HealthState>(state)) {
    case HealthState::up:
      break;
    case HealthState::down:
      return "down";
    case HealthState::ejected:
      return "ejected";
  }
  return "up";
}

const char* name_of_pressure(u64 pressure) {
  switch (static_cast<Pressure>(pressure)) {
    case Pressure::none:
      break;
    case Pressure::tight:
      return "tight";
    case Pressure::dire:
      return "dire";
  }
  return "none";
}

void read_pool(const PoolStats& stats, PoolView& view) {
  view.clients += stats.clients.get();
  view.clients_accepted += stats.clients_accepted.get();
  view.clients_closed += stats.clients_closed.get();
  view.clients_broken += stats.clients_broken.get();
  view.client_pauses += stats.client_pauses.get();
  view.client_throttles += stats.client_throttles.get();
  view.bytes_received += stats.bytes_received.get();
  view.bytes_sent += stats.bytes_sent.get();
  view.fragments += stats.fragments.get();
  view.abandoned += stats.abandoned.get();
  read_groups(stats.requests, view.requests);
  read_reasons(stats.errors, 0, view.errors);
  read_groups(stats.latency, view.latency);
  stats.writing.read(view.writing);
}

void read_server(const ServerStats& stats, ServerView& view) {
  view.connections += stats.connections.get();
  view.pending += stats.pending.get();
  view.unsent += stats.unsent.get();
  view.unsent_bytes += stats.unsent_bytes.get();
  view.replies += stats.replies.get();
  view.dropped_replies += stats.dropped_replies.get();
  view.bytes_sent += stats.bytes_sent.get();
  view.bytes_received += stats.bytes_received.get();
  view.timeouts += stats.timeouts.get();
  view.failures += stats.failures.get();
  view.ejections += stats.ejections.get();
  view.returns += stats.returns.get();
  view.connects += stats.connects.get();
  view.resends += stats.resends.get();
  view.closed_by_server += stats.closed_by_server.get();
  view.broken_connections += stats.broken_connections.get();
  read_groups(stats.requests, view.requests);
  read_reasons(stats.errors, 1, view.errors);  // behind Failure::none
  read_groups(stats.waiting, view.waiting);
  read_groups(stats.serving, view.serving);
}

}  // namespace

StatsRegistry::StatsRegistry() : started_(monotonic_now()) {}

void StatsRegistry::attach(Snapshot& snapshot) {
  const std::lock_guard lock(mutex_);
  blocks_.attach(snapshot);
}

void StatsRegistry::publish(const Snapshot& snapshot) {
  std::vector<ShownPool> pools;
  for (const PoolConfig& config : snapshot.config.pools) {
    ShownPool& pool = pools.emplace_back();
    pool.name = config.name;
    pool.protocol = config.protocol;
    for (const Endpoint& endpoint : config.listen) pool.listen.push_back(to_string(endpoint));
    for (const ServerConfig& server : config.servers) {
      pool.servers.push_back({server.name, to_string(server.endpoint), server.weight});
    }
  }
  const std::lock_guard lock(mutex_);
  ++publications_;
  pools_ = std::move(pools);
  pools_to_try_ = snapshot.config.pools;
  shown_blocks_ = snapshot.stats;
  memory_limit_ = snapshot.config.memory_limit;
  hot_keys_enabled_ = snapshot.config.hot_keys;
}

void StatsRegistry::set_io(std::string io) {
  const std::lock_guard lock(mutex_);
  io_ = std::move(io);
}

void StatsRegistry::set_draining() {
  const std::lock_guard lock(mutex_);
  is_draining_ = true;
}

void StatsRegistry::count_reload(bool succeeded) {
  const std::lock_guard lock(mutex_);
  ++(succeeded ? reloads_succeeded_ : reloads_failed_);
}

void StatsRegistry::add_slow(u32 worker, const WorkerEvent& event) {
  const std::lock_guard lock(mutex_);
  slow_log_.add(worker, event, unix_seconds());
}

// Without the mutex for as long as it takes: the supervisor must not wait for it.
void StatsRegistry::find_key_shares() {
  std::vector<PoolConfig> to_try;
  u64 publication = 0;
  {
    const std::lock_guard lock(mutex_);
    to_try = std::move(pools_to_try_);
    pools_to_try_.clear();
    publication = publications_;
  }
  if (to_try.empty()) return;
  std::vector<std::vector<double>> shares;
  for (const PoolConfig& pool : to_try) shares.push_back(key_shares(pool));
  const std::lock_guard lock(mutex_);
  if (publication != publications_) return;
  for (std::size_t pool = 0; pool < shares.size(); ++pool) {
    for (std::size_t i = 0; i < shares[pool].size(); ++i) {
      pools_[pool].servers[i].key_share = shares[pool][i];
    }
  }
}

StatsView StatsRegistry::gather() {
  find_key_shares();
  StatsView view;
  view.version = RINGFOLD_VERSION;
  view.pid = ::getpid();
  view.uptime_seconds = static_cast<double>(monotonic_now() - started_) / kSecond;
  view.time_unix_seconds = unix_seconds();
  view.host = host_name();
  view.process = process_numbers();
  const std::lock_guard lock(mutex_);
  view.io = io_;
  view.threads = static_cast<u32>(shown_blocks_.size());
  view.draining = is_draining_;
  view.reloads_succeeded = reloads_succeeded_;
  view.reloads_failed = reloads_failed_;
  view.hot_keys_enabled = hot_keys_enabled_;
  view.hot_keys_sample_every = kHotKeySampling;
  gather_workers(view);
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    view.pools.push_back(gather_pool(i));
    if (hot_keys_enabled_) view.hot_keys.push_back(gather_hot_keys(i));
  }
  view.slow = slow_log_.entries();
  return view;
}

void StatsRegistry::gather_workers(StatsView& view) const {
  u64 pressure = 0;
  MemoryView& memory = view.memory;
  memory.limit_bytes = memory_limit_;
  for (const WorkerBlocks& blocks : shown_blocks_) {
    const WorkerStats& stats = *blocks.worker;
    WorkerView& worker = view.workers.emplace_back();
    worker.ticks = stats.ticks.get();
    worker.completions = stats.completions.get();
    worker.sends = stats.sends.get();
    worker.no_buffer = stats.no_buffer.get();
    worker.completion_overflows = stats.completion_overflows.get();
    worker.events_dropped = stats.events_dropped.get();
    worker.accept_pauses = stats.accept_pauses.get();
    worker.clients = stats.clients.get();
    worker.slow_requests = stats.slow_requests.get();
    worker.slow_requests_dropped = stats.slow_requests_dropped.get();
    for (const PoolBlocks& pool : blocks.pools) {
      GroupCounts requests = {};
      read_groups(pool.pool->requests, requests);
      worker.requests += sum_of(requests);
    }
    memory.blocks += stats.block_bytes.get();
    memory.requests += stats.request_bytes.get();
    memory.clients += stats.client_bytes.get();
    memory.receive_buffers += stats.receive_buffer_bytes.get();
    pressure = std::max(pressure, stats.pressure.get());
  }
  memory.pressure = name_of_pressure(pressure);
}

PoolView StatsRegistry::gather_pool(std::size_t index) const {
  const ShownPool& shown = pools_[index];
  PoolView view;
  view.name = shown.name;
  view.protocol = shown.protocol == Protocol::redis ? "redis" : "memcached";
  view.listen = shown.listen;
  for (const WorkerBlocks& blocks : shown_blocks_) read_pool(*blocks.pools[index].pool, view);
  for (std::size_t i = 0; i < shown.servers.size(); ++i) {
    view.servers.push_back(gather_server(index, i));
  }
  return view;
}

ServerView StatsRegistry::gather_server(std::size_t pool, std::size_t index) const {
  const ShownServer& shown = pools_[pool].servers[index];
  ServerView view;
  view.name = shown.name;
  view.address = shown.address;
  view.weight = shown.weight;
  view.key_share = shown.key_share;
  u64 worst = 0;
  u64 ejected_at = 0;
  for (const WorkerBlocks& blocks : shown_blocks_) {
    const ServerStats& stats = *blocks.pools[pool].servers[index];
    read_server(stats, view);
    const u64 health = stats.health.get();
    if (health == static_cast<u64>(HealthState::up)) ++view.workers_up;
    worst = std::max(worst, health);
    if (health == static_cast<u64>(HealthState::ejected)) {
      ejected_at = std::max(ejected_at, stats.ejected_at.get());
    }
  }
  view.state = name_of_state(worst);
  if (ejected_at != 0) {
    const Nanos ago = monotonic_now() - static_cast<Nanos>(ejected_at);
    view.ejected_at = unix_seconds() - static_cast<double>(ago) / kSecond;
  }
  return view;
}

HotPoolView StatsRegistry::gather_hot_keys(std::size_t pool) const {
  HotKeyList merged;
  for (const WorkerBlocks& blocks : shown_blocks_) {
    HotKeyList list;
    // One that cannot be read for once is missing in what is shown now.
    if (blocks.pools[pool].pool->hot_keys.read(list)) merged.merge(list);
  }
  if (merged.keys.size() > kHotKeysShown) merged.keys.resize(kHotKeysShown);
  HotPoolView view;
  view.pool = pools_[pool].name;
  view.sampled = merged.noted;
  for (const HotKey& key : merged.keys) {
    view.keys.push_back(
        {.key_prefix = escaped_key(key.prefix()),
         .count = key.count * kHotKeySampling,
         .error = key.error * kHotKeySampling,
         .share = static_cast<double>(key.count) / static_cast<double>(merged.noted)});
  }
  return view;
}

}  // namespace ringfold
