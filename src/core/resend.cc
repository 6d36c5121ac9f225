#include "core/resend.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/context.h"
#include "core/pressure.h"
#include "core/stages.h"
#include "core/writer.h"
#include "ringfold/proto/memcached.h"
#include "ringfold/proto/resp.h"

namespace ringfold {

namespace {

// More than that is not copied about; with one request of it waiting, a copy is soon made.
constexpr u64 kResendMax = 16_MiB;

// Where a request goes by its keys: kNone without keys.
struct Holder {
  u32 server = kNone;
  bool is_one = true;  // false: the keys are on several servers
};

// Of the keys that are added.
class HolderFinder {
 public:
  HolderFinder(Context& context, const Pool& pool)
      : shards_(pool.shards), random_(context.prng.next()) {}

  void add(std::string_view key) {
    const u32 server = shards_.route(key, random_);
    if (found_.server != kNone && found_.server != server) found_.is_one = false;
    found_.server = server;
  }
  Holder get() const { return found_; }

 private:
  const ShardMap& shards_;
  const u64 random_;
  Holder found_;
};

// Of the keys of the request at the start of bytes. used: its length. Requires: these are bytes
// that were made for a server, so they are well-formed.
Holder find_redis_holder(Context& context, const Pool& pool, std::string_view bytes,
                         std::size_t& used) {
  RequestFrame frame;
  const ParseStatus status = resp::parse_request(bytes, UINT64_MAX, frame);
  RINGFOLD_ASSERT(status == ParseStatus::complete);
  used = frame.offset;
  resp::ArgumentCursor words(bytes, frame);
  Argument word;
  words.next(word);
  const CommandSpec* command = resp::find_command(bytes.substr(word.offset, word.length));
  if (command != nullptr && command->route == Route::container && words.next(word)) {
    command = resp::find_subcommand(*command, bytes.substr(word.offset, word.length));
  }
  HolderFinder finder(context, pool);
  if (command == nullptr || command->route == Route::container) return finder.get();
  resp::KeyCursor keys(*command, bytes.substr(0, used), frame);
  while (keys.next(word)) finder.add(bytes.substr(word.offset, word.length));
  return finder.get();
}

Holder find_memcached_holder(Context& context, const Pool& pool, std::string_view bytes,
                             std::size_t& used) {
  RequestFrame frame;
  const memcached::CommandRow* row = nullptr;
  const ParseStatus status = memcached::parse_request(bytes, UINT64_MAX, frame, row);
  RINGFOLD_ASSERT(status == ParseStatus::complete);
  RINGFOLD_ASSERT(frame.error == nullptr);
  used = frame.offset;
  HolderFinder finder(context, pool);
  if (row->route == Route::by_key) {
    std::array<char, 256> scratch;
    finder.add(memcached::routing_key(*row, bytes, frame, scratch));
  } else if (row->route == Route::split_keys) {
    memcached::TokenCursor keys(bytes, frame, row->key_at);
    Argument key;
    while (keys.next(key)) finder.add(bytes.substr(key.offset, key.length));
  }
  return finder.get();
}

// Who waits for the request; kNone: nobody does.
u32 client_of(const Context& context, const Request& request) {
  if (request.ready) return kNone;
  if (request.kind == RequestKind::single) return request.client;
  if (request.kind != RequestKind::child || request.parent == kNone) return kNone;
  return context.requests[request.parent].client;
}

// In the line of another connection it is as late as it was in its first one.
void put_in_line(Context& context, u32 connection, u32 request_index, std::string_view bytes) {
  Request& request = context.requests[request_index];
  const Nanos deadline = request.deadline;
  enqueue_for_backend(context, connection, request_index);
  request.deadline = std::min(request.deadline, deadline);
  request_batch(context.connections[connection]).append(context.blocks, bytes);
  mark_backend_dirty(context, connection);
}

void resend(Context& context, u16 pool, u32 request_index, u32 client, u32 server,
            std::string_view bytes) {
  context.clients[client].is_fresh = false;
  Failure failure = Failure::none;
  const u32 connection = connection_for(context, pool, server, client, failure);
  if (connection == kNone) {
    answer_with_failure(context, request_index, refusal_line(context, pool, server, failure));
    return;
  }
  put_in_line(context, connection, request_index, bytes);
  context.pools[pool].backends[server].stats->resends.add();
  note_load(context, client, connection);
}

// Where the requests of a line go when they are dealt anew.
struct Destination {
  u32 server = kNone;      // there, whatever their keys; kNone: to who holds the keys
  u32 connection = kNone;  // and those without keys there; kNone: nowhere, they fail
};

// Deals the requests of a line anew. By their keys, those whose keys are on several servers now
// fail with error_line: if they stayed, a later request for one of the keys could come to be in
// front of them, or behind.
void deal_line(Context& context, u16 pool, u32 first_request, Batch unsent, Destination to,
               std::string_view error_line, Counter& error_count) {
  const bool is_redis = context.pools[pool].config->protocol == Protocol::redis;
  Block* const copy = unsent.copy(context.blocks, kReadablePadding);
  unsent.clear(context.blocks);
  std::string_view bytes = copy->view();
  u32 next = first_request;
  while (next != kNone) {
    const u32 request_index = next;
    Request& request = context.requests[request_index];
    next = request.next_in_backend;
    request.in_backend = false;
    if (request.kind == RequestKind::handshake) {
      release_request_if_done(context, request_index);
      continue;
    }
    std::size_t used = 0;
    const auto find = is_redis ? find_redis_holder : find_memcached_holder;
    const Holder holder = find(context, context.pools[pool], bytes, used);
    const std::string_view own = bytes.substr(0, used);
    bytes.remove_prefix(used);
    const u32 client = client_of(context, request);
    const u32 server = to.server != kNone ? to.server : holder.server;
    if (client != kNone && server != kNone && (holder.is_one || to.server != kNone)) {
      resend(context, pool, request_index, client, server, own);
    } else if (client != kNone && server == kNone && to.connection != kNone) {
      put_in_line(context, to.connection, request_index, own);
    } else if (answer_with_failure(context, request_index, error_line)) {
      error_count.add();
    }
  }
  RINGFOLD_ASSERT(bytes.empty());
  context.blocks.give(copy);
}

// Takes all but the greetings off a connection that is not ready. Returns the first one.
u32 detach_waiting(Context& context, BackendConnection& connection) {
  u32* link = &connection.first_pending;
  u32 last_kept = kNone;
  connection.pending_count = 0;
  while (*link != kNone && context.requests[*link].kind == RequestKind::handshake) {
    last_kept = *link;
    ++connection.pending_count;
    link = &context.requests[last_kept].next_in_backend;
  }
  const u32 first = std::exchange(*link, kNone);
  connection.last_pending = last_kept;
  connection.first_live = kNone;  // a greeting is nobody's request
  connection.expired_count = 0;
  return first;
}

// Deals what waits for a connection that is not ready anew.
void deal_connection(Context& context, u32 index, Destination to) {
  BackendConnection& connection = context.connections[index];
  const bool waits =
      connection.state == BackendState::connecting || connection.state == BackendState::greeting;
  if (!waits || connection.queued.empty() || connection.queued.size() > kResendMax) return;
  const Backend& backend = context.pools[connection.pool].backends[connection.backend];
  const std::string moved =
      failure_line(connection.protocol, Failure::keys_moved, backend.config->name);
  const Batch unsent = std::exchange(connection.queued, Batch{});
  deal_line(context, connection.pool, detach_waiting(context, connection), unsent, to, moved,
            backend.stats->errors[Failure::keys_moved]);
  show_line(connection);
  note_relief(context, connection);
}

}  // namespace

bool may_resend(const Context& context, const BackendConnection& connection, Failure failure) {
  const bool has_left = connection.state == BackendState::ready;
  if (has_left || connection.retired() || context.draining) return false;
  if (connection.queued.size() > kResendMax) return false;
  return is_tried_again(*context.pools[connection.pool].config, failure);
}

void resend_line(Context& context, u16 pool, u32 first_request, Batch unsent,
                 std::string_view error_line, Counter& error_count) {
  deal_line(context, pool, first_request, unsent, {}, error_line, error_count);
}

void deal_waiting(Context& context, u16 pool_index) {
  const Pool& pool = context.pools[pool_index];
  for (const Backend& backend : pool.backends) {
    for (u32 place = 0; place < backend.connections.size(); ++place) {
      const u32 index = backend.connections[place];
      // What stands at a former address may have been overtaken, so it must not join the others.
      if (index == kNone || context.connections[index].retired()) continue;
      deal_connection(context, index, {.connection = index});
    }
  }
}

void follow_address(Context& context, const Backend& backend) {
  const std::vector<u32> present = backend.connections;  // some are opened on the way
  for (const u32 index : present) {
    if (index == kNone || !context.connections[index].retired()) continue;
    deal_connection(context, index, {.server = context.connections[index].backend});
    if (context.connections[index].over()) fail_connection(context, index, Failure::closed);
  }
}

}  // namespace ringfold
