#include "core/stages.h"

namespace ringfold {

namespace {

// So much is handed over by one flush: of two pieces in a batch that follow each other one is of
// 4 KiB at least.
constexpr u64 kFlushed = 64_KiB;
static_assert(kFlushed < kFlushBytesMax);
static_assert(kFlushed < kFlushIovecsMax / 2 * 4_KiB);

// The bytes of the reply, if any, go with the flush that ends this tick.
bool is_written_at_once(const Client& client, u64 size) {
  return size == 0 || (!client.sending && client.out.size() < kFlushed && size < kFlushed);
}

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

CommandMark mark_of(const CommandSpec& command) {
  static const CommandSpec* const first = resp::command_table().data();
  const CommandGroup group = (command.flags & kReadonly) != 0 ? CommandGroup::read
                             : (command.flags & kWrite) != 0  ? CommandGroup::write
                                                              : CommandGroup::other;
  return {group, static_cast<u16>(&command - first)};
}

CommandMark mark_of(const memcached::CommandRow& row) {
  static const memcached::CommandRow* const first = memcached::command_table().data();
  CommandGroup group = CommandGroup::other;
  if (row.reply == memcached::ReplyShape::values || row.command == memcached::Command::mg) {
    group = CommandGroup::read;
  } else if (row.route == Route::by_key || row.command == memcached::Command::flush_all) {
    group = CommandGroup::write;
  }
  return {group, static_cast<u16>(&row - first)};
}

void StageRun::flush() {
  if (served_ == 0) return;
  Pool& pool = context_.pools[connection_.pool];
  ServerStats& server = *pool.backends[connection_.backend].stats;
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

void StageRun::deliver(u32 request_index, Client& client, u64 size) {
  if (is_written_at_once(client, size)) {
    ++delivered_;
  } else {
    defer(context_, client, context_.requests[request_index], context_.stamp);
  }
  const Stamp total = context_.stamp - received_;
  if (total <= context_.slow_min) [[likely]]
    return;
  report_slow(context_, context_.pools[connection_.pool], request_index, connection_.backend,
              {total, sent_ - received_, context_.stamp - sent_, 0});
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

void sample_key(Context& context, Pool& pool, std::string_view key) {
  // Gaps of one to twice the sampling, which is the sampling on average.
  pool.keys_to_sample = 1 + static_cast<u32>(context.prng.below(2 * kHotKeySampling - 1));
  if (context.snapshot.config.hot_keys) pool.stats->hot_keys.note(key);
}

}  // namespace ringfold
