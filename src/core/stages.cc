#include "core/stages.h"

namespace ringfold {

const CommandSpec* const kRedisRows = resp::command_table().data();
const memcached::CommandRow* const kMemcachedRows = memcached::command_table().data();

namespace {

std::string_view command_of(const Pool& pool, const Request& request) {
  if (pool.config->protocol == Protocol::redis) return resp::command_table()[request.command].name;
  return memcached::command_table()[request.command].name;
}

// Says it to the supervisor, as far as the quota goes.
void report_slow(Context& context, const Pool& pool, u32 request_index, u32 backend,
                 const SlowTimes& times) {
  context.stats.slow_requests.add();
  if (!context.slow_quota.take(context.stamp, context.tick)) {
    context.stats.slow_requests_dropped.add();
    return;
  }
  const Request& request = context.requests[request_index];
  const std::string_view server =
      backend == kNone ? std::string_view() : std::string_view(pool.backends[backend].config->name);
  context.outbox.report_slow(times, pool.config->name, server, command_of(pool, request),
                             context.key_prefixes.get(request_index));
}

void defer(const Context& context, Client& client, const Request& request, Stamp answered) {
  UnwrittenReplies& unwritten = client.unwritten;
  if (unwritten.total == 0) {
    unwritten = UnwrittenReplies{};
    unwritten.base = context.stamp;
  }
  const std::size_t group = index_of(request.group);
  ++unwritten.total;
  ++unwritten.counts[group];
  unwritten.received[group] += static_cast<i32>(unwritten.base - request.received);
  unwritten.answered += static_cast<i32>(answered - unwritten.base);
}

}  // namespace

void StageRun::flush() {
  if (served_ == 0) return;
  Pool& pool = context_.pools[connection_.pool];
  ServerStats& server = *connection_.stats;
  const std::size_t group = index_of(group_);
  server.replies.add(served_);
  server.waiting[group].add(sent_ - received_, served_);
  server.serving[group].add(context_.stamp - sent_, served_);
  if (delivered_ > 0) {
    pool.stats->latency[group].add(context_.stamp - received_, delivered_);
    pool.stats->writing.add(0, delivered_);
  }
  served_ = 0;
  delivered_ = 0;
}

void StageRun::defer(u32 request_index, Client& client) {
  ringfold::defer(context_, client, context_.requests[request_index], context_.stamp);
}

void StageRun::report(u32 request_index) {
  report_slow(context_, context_.pools[connection_.pool], request_index, connection_.backend,
              {context_.stamp - received_, sent_ - received_, context_.stamp - sent_, 0});
}

void note_delivered(Context& context, Client& client, u32 request_index, u64 size) {
  const Request& request = context.requests[request_index];
  Pool& pool = context.pools[client.pool];
  const Stamp total = context.stamp - request.received;
  const Stamp answered = request.expired ? context.stamp : request.answered;
  if (is_written_at_once(client, size)) {
    pool.stats->latency[index_of(request.group)].add(total);
    pool.stats->writing.add(context.stamp - answered);
  } else {
    defer(context, client, request, answered);
  }
  if (total <= context.slow_min || request.expired) return;
  report_slow(context, pool, request_index, request.served_by,
              {total, request.stages.waiting, request.stages.serving, context.stamp - answered});
}

void note_written(Context& context, Client& client) {
  UnwrittenReplies& unwritten = client.unwritten;
  PoolStats& stats = *context.pools[client.pool].stats;
  const Stamp since_base = context.stamp - unwritten.base;
  for (std::size_t group = 0; group < kCommandGroups; ++group) {
    const u32 count = unwritten.counts[group];
    if (count == 0) continue;
    const i64 before = unwritten.received[group] / i64{count};
    stats.latency[group].add(static_cast<Stamp>(since_base + before), count);
  }
  const i64 behind = unwritten.answered / i64{unwritten.total};
  stats.writing.add(static_cast<Stamp>(since_base - behind), unwritten.total);
  unwritten.total = 0;
}

void forget_unwritten(Context& context, Client& client) {
  context.pools[client.pool].stats->abandoned.add(client.unwritten.total);
  client.unwritten.total = 0;
}

void note_expired(Context& context, const BackendConnection& connection, u32 request_index) {
  const Request& request = context.requests[request_index];
  const Pool& pool = context.pools[connection.pool];
  pool.backends[connection.backend].stats->timeouts.add();
  const Stamp total = context.stamp - request.received;
  if (total <= context.slow_min || request.kind != RequestKind::single) return;
  const Stamp sent = connection.send_times.peek(request.begins_at, context.stamp);
  report_slow(context, pool, request_index, connection.backend,
              {total, sent - request.received, context.stamp - sent, 0});
}

void show_line(BackendConnection& connection) {
  const bool is_open = connection.state != BackendState::closing;
  const u32 pending = is_open ? connection.pending_count : 0;
  const u32 unsent = connection.state == BackendState::ready ? 0 : pending;
  const u64 bytes = is_open ? connection.out.size() + connection.queued.size() : 0;
  ServerStats& stats = *connection.stats;
  stats.pending.add(u64{pending} - connection.shown_pending);
  stats.unsent.add(u64{unsent} - connection.shown_unsent);
  stats.unsent_bytes.add(bytes - connection.shown_bytes);
  connection.shown_pending = pending;
  connection.shown_unsent = unsent;
  connection.shown_bytes = bytes;
}

void sample_key(Context& context, Pool& pool, std::string_view key) {
  // Gaps of one to twice the sampling, which is the sampling on average.
  pool.keys_to_sample = 1 + static_cast<u32>(context.prng.below(2 * kHotKeySampling - 1));
  if (context.snapshot->config.hot_keys) pool.stats->hot_keys.note(key);
}

}  // namespace ringfold
