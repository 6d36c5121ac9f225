#include "core/resend.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/context.h"
#include "core/writer.h"
#include "ringfold/proto/memcached.h"
#include "ringfold/proto/resp.h"

namespace ringfold {

namespace {

// More than that is not copied about; with one request of it waiting, a copy is soon made.
constexpr u64 kResendMax = 16_MiB;

// The one server of all the keys that were added.
class CommonServer {
 public:
  explicit CommonServer(Context& context, const Pool& pool)
      : shards_(pool.shards), random_(context.prng.next()) {}

  void add(std::string_view key) {
    const u32 server = shards_.route(key, random_);
    is_one_ = !found_ || (is_one_ && server == *found_);
    found_ = server;
  }
  std::optional<u32> get() const { return is_one_ ? found_ : std::nullopt; }

 private:
  const ShardMap& shards_;
  const u64 random_;
  std::optional<u32> found_;
  bool is_one_ = false;
};

// Where the request at the start of bytes goes by its keys, if that is one server. used: its
// length. Requires: these are bytes that were made for a server, so they are well-formed.
std::optional<u32> find_redis_server(Context& context, const Pool& pool, std::string_view bytes,
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
  if (command == nullptr || command->route == Route::container) return std::nullopt;
  CommonServer common(context, pool);
  resp::KeyCursor keys(*command, bytes.substr(0, used), frame);
  while (keys.next(word)) common.add(bytes.substr(word.offset, word.length));
  return common.get();
}

std::optional<u32> find_memcached_server(Context& context, const Pool& pool, std::string_view bytes,
                                         std::size_t& used) {
  RequestFrame frame;
  const memcached::CommandRow* row = nullptr;
  const ParseStatus status = memcached::parse_request(bytes, UINT64_MAX, frame, row);
  RINGFOLD_ASSERT(status == ParseStatus::complete);
  RINGFOLD_ASSERT(frame.error == nullptr);
  used = frame.offset;
  CommonServer common(context, pool);
  if (row->route == Route::by_key) {
    std::array<char, 256> scratch;
    common.add(memcached::routing_key(*row, bytes, frame, scratch));
  } else if (row->route == Route::split_keys) {
    memcached::TokenCursor keys(bytes, frame, row->key_at);
    Argument key;
    while (keys.next(key)) common.add(bytes.substr(key.offset, key.length));
  }
  return common.get();
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
  note_load(context, client, connection);
}

// Deals the requests of a line anew. Those that cannot go to one server by their keys stay with the
// connection, or if it is gone (kNone) fail with error_line.
void deal_line(Context& context, u16 pool, u32 first_request, Batch unsent, u32 stays_with,
               std::string_view error_line) {
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
    const auto find = is_redis ? find_redis_server : find_memcached_server;
    std::optional<u32> server = find(context, context.pools[pool], bytes, used);
    // Whose keys were apart once may be behind later requests for one of them ever after.
    if (!server) request.stays = true;
    if (request.stays) server.reset();
    const std::string_view own = bytes.substr(0, used);
    bytes.remove_prefix(used);
    const u32 client = client_of(context, request);
    if (client != kNone && server) {
      resend(context, pool, request_index, client, *server, own);
    } else if (client != kNone && stays_with != kNone) {
      put_in_line(context, stays_with, request_index, own);
    } else {
      answer_with_failure(context, request_index, error_line);
    }
  }
  RINGFOLD_ASSERT(bytes.empty());
  context.blocks.give(copy);
}

// What a part is answered with whose client has gone: all others are dealt or stay.
constexpr std::string_view kUnreadLine = "-ERR nobody waits\r\n";

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

}  // namespace

bool may_resend(const Context& context, const BackendConnection& connection, Failure failure) {
  const bool has_left = connection.state == BackendState::ready;
  if (has_left || connection.retired() || context.draining) return false;
  if (connection.queued.size() > kResendMax) return false;
  return is_tried_again(*context.pools[connection.pool].config, failure);
}

void resend_line(Context& context, u16 pool, u32 first_request, Batch unsent,
                 std::string_view error_line) {
  deal_line(context, pool, first_request, unsent, kNone, error_line);
}

void deal_waiting(Context& context, u16 pool_index) {
  for (const Backend& backend : context.pools[pool_index].backends) {
    for (u32 place = 0; place < backend.connections.size(); ++place) {
      const u32 index = backend.connections[place];
      if (index == kNone) continue;
      BackendConnection& connection = context.connections[index];
      const bool waits = connection.state == BackendState::connecting ||
                         connection.state == BackendState::greeting;
      if (!waits || connection.queued.empty() || connection.queued.size() > kResendMax) continue;
      const Batch unsent = std::exchange(connection.queued, Batch{});
      deal_line(context, pool_index, detach_waiting(context, connection), unsent, index,
                kUnreadLine);
    }
  }
}

}  // namespace ringfold
