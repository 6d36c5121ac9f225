// Stages: where a request's time went, counted as it passes on.
//
//   received ---waiting---> handed to the server's socket ---serving---> reply complete
//                                        ---writing---> handed to the client's socket
//
// All times are Context::stamp, which is one for a whole tick: what happens within a tick takes no
// time. Requests that arrive, leave and are answered together are counted together, so that most of
// them cost two comparisons.
#pragma once

#include <string_view>

#include "core/backend.h"
#include "core/client.h"
#include "core/context.h"
#include "core/request.h"
#include "ringfold/proto/command.h"
#include "ringfold/proto/memcached.h"

namespace ringfold {

// What a request is counted as.
struct CommandMark {
  CommandGroup group = CommandGroup::other;
  u16 row = 0;  // in the protocol's command_table()
};
// The protocols' tables: which row a command is has to be known for each request.
extern const CommandSpec* const kRedisRows;
extern const memcached::CommandRow* const kMemcachedRows;

[[nodiscard]] inline CommandMark mark_of(const CommandSpec& command) {
  const CommandGroup group = (command.flags & kReadonly) != 0 ? CommandGroup::read
                             : (command.flags & kWrite) != 0  ? CommandGroup::write
                                                              : CommandGroup::other;
  return {group, static_cast<u16>(&command - kRedisRows)};
}
[[nodiscard]] inline CommandMark mark_of(const memcached::CommandRow& row) {
  CommandGroup group = CommandGroup::other;
  if (row.reply == memcached::ReplyShape::values || row.command == memcached::Command::mg) {
    group = CommandGroup::read;
  } else if (row.route == Route::by_key || row.command == memcached::Command::flush_all) {
    group = CommandGroup::write;
  }
  return {group, static_cast<u16>(&row - kMemcachedRows)};
}

// A request for a server, or a parent, is taken from a client. key: its first, or none. Requires:
// kReadablePadding bytes behind the key may be read.
inline void start_stages(Context& context, u16 pool, u32 request_index, CommandMark mark,
                         std::string_view key) {
  Request& request = context.requests[request_index];
  request.received = context.stamp;
  request.group = mark.group;
  request.command = mark.row;
  context.key_prefixes.set(request_index, key);
  context.pools[pool].stats->requests[index_of(mark.group)].add();
}

// So much is handed over by one flush: of two pieces in a batch that follow each other one is of
// 4 KiB at least.
inline constexpr u64 kFlushed = 64_KiB;
static_assert(kFlushed < kFlushBytesMax);
static_assert(kFlushed < kFlushIovecsMax / 2 * 4_KiB);

// The last `size` bytes of a reply go with the flush that ends this tick.
[[nodiscard]] inline bool is_written_at_once(const Client& client, u64 size) {
  return size == 0 || (!client.sending && client.out.size() < kFlushed && size < kFlushed);
}

// The replies that one receive brought, and those delivered to their clients at once.
class StageRun {
 public:
  StageRun(Context& context, BackendConnection& connection)
      : context_(context), connection_(connection) {}
  ~StageRun() { flush(); }
  StageRun(const StageRun&) = delete;
  StageRun& operator=(const StageRun&) = delete;

  // The request has its whole reply, and is in no backend's line any more. Returns the stages of
  // it.
  RequestStages add(const Request& request) {
    const Stamp sent = connection_.send_times.find(request.begins_at, context_.stamp);
    if (request.received != received_ || sent != sent_ || request.group != group_) {
      flush();
      received_ = request.received;
      sent_ = sent;
      group_ = request.group;
    }
    ++served_;
    return {sent - received_, context_.stamp - sent};
  }

  // The last `size` bytes of the reply of the request last added go to its client at once, as the
  // first of its line. Requires: the request is not freed.
  void deliver(u32 request_index, Client& client, u64 size) {
    if (is_written_at_once(client, size)) [[likely]] {
      ++delivered_;
    } else {
      defer(request_index, client);
    }
    if (context_.stamp - received_ > context_.slow_min) [[unlikely]]
      report(request_index);
  }

 private:
  void flush();
  void defer(u32 request_index, Client& client);
  void report(u32 request_index);

  Context& context_;
  BackendConnection& connection_;
  Stamp received_ = 0;
  Stamp sent_ = 0;
  CommandGroup group_ = CommandGroup::other;
  u32 served_ = 0;
  u32 delivered_ = 0;
};

// The request is answered and in no backend's line. Not for an expired one.
inline void note_answered(const Context& context, Request& request, u32 served_by,
                          RequestStages stages) {
  request.served_by = served_by;
  request.answered = context.stamp;
  request.stages = stages;
}

// A reply that was ready has left its client's line, and was the last `size` bytes that were put
// behind what waits for its socket. Not for a local one. Requires: the request is not freed.
void note_delivered(Context& context, Client& client, u32 request_index, u64 size);

// All that waits for the client is handed to its socket.
void note_written(Context& context, Client& client);

// The client is gone; what was not handed to its socket never will be.
void forget_unwritten(Context& context, Client& client);

// The request is answered with an error because it is late.
void note_expired(Context& context, const BackendConnection& connection, u32 request_index);

// The server is why a request is answered with an error.
inline void count_error(Context& context, u16 pool, u32 backend, Failure failure) {
  context.pools[pool].backends[backend].stats->errors[failure].add();
}

// Brings the server's stats up to date with the connection's line.
void show_line(BackendConnection& connection);

// A key was asked for.
void sample_key(Context& context, Pool& pool, std::string_view key);
inline void note_key(Context& context, Pool& pool, std::string_view key) {
  if (--pool.keys_to_sample == 0) [[unlikely]]
    sample_key(context, pool, key);
}

inline void count_error(Context& context, const Client& client, ClientError error) {
  context.pools[client.pool].stats->errors[error].add();
}

}  // namespace ringfold
