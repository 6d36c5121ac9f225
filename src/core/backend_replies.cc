// From a server's bytes to the requests that wait for them. The front of the connection's line gets
// the next reply: that is all the matching there is, so an entry never leaves the line before its
// reply has been counted off.
#include <cstring>
#include <utility>

#include "core/backend.h"
#include "core/context.h"
#include "core/fanout.h"
#include "core/memcached_fold.h"
#include "core/stages.h"
#include "core/writer.h"

namespace ringfold {

namespace {

// memcached's answer to a get that finds nothing, and what stands behind values.
constexpr std::string_view kNoValue = "END\r\n";

// Replies that lie next to each other and go to one client leave as one copy.
class ReplyRun {
 public:
  ReplyRun(Context& context, BackendConnection& connection)
      : stages(context, connection), context_(context) {}
  ~ReplyRun() { RINGFOLD_DEBUG_ASSERT(bytes_.empty()); }

  void add(u32 client, std::string_view piece) {
    if (piece.empty()) return;
    if (client == client_ && bytes_.data() + bytes_.size() == piece.data()) {
      bytes_ = {bytes_.data(), bytes_.size() + piece.size()};
      return;
    }
    flush();
    client_ = client;
    bytes_ = piece;
  }

  void flush() {
    if (bytes_.empty()) return;
    context_.clients[client_].out.append(context_.blocks, bytes_);
    bytes_ = {};
    client_output_grew(context_, client_);
  }

  StageRun stages;

 private:
  Context& context_;
  u32 client_ = kNone;
  std::string_view bytes_;
};

void hold(Context& context, Request& request, std::string_view piece, u64 more) {
  if (request.reply == nullptr) {
    // What is announced is not yet sent: a server's word is worth 16 MiB of address space, no more.
    const u64 announced = piece.size() + std::min<u64>(more, 16_MiB) + kReadablePadding;
    request.reply = context.blocks.take(announced);
  } else {
    request.reply = context.blocks.grow(request.reply, piece.size() + kReadablePadding);
  }
  std::memcpy(request.reply->data + request.reply->end, piece.data(), piece.size());
  request.reply->end += static_cast<u32>(piece.size());
}

// The reply of the connection's first pending request, from the start of bytes on.
ParseStatus parse_reply(Context& context, BackendConnection& connection, std::string_view bytes,
                        std::size_t& used) {
  if (connection.protocol == Protocol::redis) {
    return resp::parse_reply(bytes, connection.reply.redis, used);
  }
  const Request& request = context.requests[connection.first_pending];
  return memcached::parse_reply(bytes, request.shape, connection.reply.memcached, used);
}

void start_next_reply(BackendConnection& connection) {
  if (connection.protocol == Protocol::redis) {
    connection.reply.redis = resp::ReplyFrame{};
  } else {
    connection.reply.memcached = memcached::ReplyFrame{};
  }
}

// The client does not see this reply: the request was quiet.
bool is_hidden(const Request& request, std::string_view reply) {
  return request.quiet != memcached::Quiet::none && memcached::is_hidden(request.quiet, reply);
}

bool is_first_in_line(const Context& context, u32 request_index, const Request& request) {
  return context.clients[request.client].first_request == request_index;
}

// The request takes no further bytes: it was answered without them, or nobody waits for it.
bool is_dropped(const Request& request) {
  if (request.expired) return true;
  if (request.kind == RequestKind::single) return request.client == kNone;
  return false;
}

// What a folded get's value lacks to be an answer of its own.
std::string_view missing_end(const Request& request) {
  return request.shape == memcached::ReplyShape::value ? kNoValue : std::string_view();
}

void drop_if_hidden(Context& context, Request& request) {
  if (request.reply == nullptr || !is_hidden(request, request.reply->view())) return;
  context.blocks.give(request.reply);
  request.reply = nullptr;
}

const PoolConfig& connection_pool(const Context& context, u32 index) {
  return *context.pools[context.connections[index].pool].config;
}

u64 held_size(const Request& request) {
  return request.reply == nullptr ? 0 : request.reply->size();
}

u64 hold_limit(const PoolConfig& pool) {
  return std::min<u64>(pool.client_output_limit, BlockPool::kCapacityMax - 1_MiB);
}

// A reply that waits for its turn grows past the limit: its client gets an error, the rest of it is
// dropped.
void refuse_large_reply(Context& context, u32 index, u32 request_index) {
  const BackendConnection& connection = context.connections[index];
  const Backend& backend = context.pools[connection.pool].backends[connection.backend];
  Request& request = context.requests[request_index];
  const std::string line =
      failure_line(connection.protocol, Failure::reply_too_large, backend.config->name);
  if (context.connections[index].first_live == request_index) {
    context.connections[index].first_live = request.next_in_backend;
  }
  request.expired = true;
  ++context.connections[index].expired_count;
  if (answer_with_failure(context, request_index, line)) {
    count_error(context, connection.pool, connection.backend, Failure::reply_too_large);
  }
}

// Part of a reply that is not whole yet.
void take_part(Context& context, u32 index, u32 request_index, std::string_view piece, u64 more) {
  Request& request = context.requests[request_index];
  if (is_dropped(request)) return;
  if (request.streaming) {
    context.clients[request.client].out.append(context.blocks, piece);
    client_output_grew(context, request.client);
    return;
  }
  if (held_size(request) + piece.size() > hold_limit(connection_pool(context, index))) {
    refuse_large_reply(context, index, request_index);
    return;
  }
  const bool large = request.quiet != memcached::Quiet::noreply &&
                     held_size(request) + piece.size() + more >= kCutThroughMin;
  if (!large || request.kind != RequestKind::single ||
      !is_first_in_line(context, request_index, request)) {
    hold(context, request, piece, more);
    return;
  }
  Client& client = context.clients[request.client];
  if (request.reply != nullptr) client.out.append_block(request.reply);
  request.reply = nullptr;
  request.streaming = true;
  client.out.append(context.blocks, piece);
  client_output_grew(context, request.client);
}

void pop_front(Context& context, BackendConnection& connection) {
  const u32 request_index = connection.first_pending;
  Request& request = context.requests[request_index];
  connection.first_pending = request.next_in_backend;
  if (connection.first_pending == kNone) connection.last_pending = kNone;
  if (connection.first_live == request_index) connection.first_live = request.next_in_backend;
  --connection.pending_count;
  if (request.expired) --connection.expired_count;
  connection.front_progress = 0;
  request.in_backend = false;
}

// A server that asks for a password nobody configured is there all the same: its clients see that
// error. One that is loading its data is not.
bool is_greeted(Greeting greeting, std::string_view reply) {
  switch (greeting) {
    case Greeting::auth:
    case Greeting::select:
      return reply == "+OK\r\n";
    case Greeting::probe:
      return reply == "+PONG\r\n" || reply.starts_with("-NOAUTH ") || reply.starts_with("VERSION ");
  }
  return false;
}

Failure failure_of(Greeting greeting) {
  switch (greeting) {
    case Greeting::auth:
      return Failure::password_refused;
    case Greeting::select:
      return Failure::database_refused;
    case Greeting::probe:
      break;
  }
  return Failure::probe_refused;
}

// The reply to a greeting. False: refused, the connection was failed.
bool take_greeting(Context& context, u32 index, Request& request, u32 request_index) {
  BackendConnection& connection = context.connections[index];
  const Greeting greeting = static_cast<Greeting>(request.ordinal);
  const std::string reply(request.reply->view());
  release_request_if_done(context, request_index);
  if (is_greeted(greeting, reply)) {
    if (--connection.greetings_left == 0) become_ready(context, index);
    return true;
  }
  std::string_view words(reply);
  if (words.starts_with('-')) words.remove_prefix(1);
  fail_connection(context, index, failure_of(greeting), words.substr(0, words.find('\r')));
  return false;
}

// The last piece of a reply. False: the connection was failed.
bool take_whole(Context& context, u32 index, ReplyRun& run, u32 request_index,
                std::string_view piece) {
  Request& request = context.requests[request_index];
  const bool is_own = request.kind == RequestKind::handshake;
  const RequestStages stages = is_own ? RequestStages{} : run.stages.add(request);
  const BackendConnection& connection = context.connections[index];
  if (is_dropped(request)) {
    connection.stats->dropped_replies.add();
    release_request_if_done(context, request_index);
    return true;
  }
  if (request.kind == RequestKind::single) {
    const u32 client_index = request.client;
    Client& client = context.clients[client_index];
    if (request.reply == nullptr && client.first_request == request_index) {
      // A piece behind others, which the client has, says nothing of what the answer is.
      const bool hidden = !request.streaming && is_hidden(request, piece);
      const std::string_view end = missing_end(request);
      // Out of the line first: what lies before the piece may be flushed, and then the client may
      // be closed for its output and its requests forgotten.
      client.first_request = request.next_in_client;
      --client.request_count;
      request.in_client = false;
      run.stages.deliver(request_index, client, hidden ? 0 : piece.size());
      release_request_if_done(context, request_index);
      if (!hidden) {
        run.add(client_index, piece);
        run.add(client_index, end);
      }
      // Bytes would make the client be looked at; a hidden reply may be what it waits for as well.
      if (hidden && (client.paused || client.state != ClientState::open)) {
        queue_for_settling(context, client_index, client);
      }
      if (client.first_request == kNone) {
        client.last_request = kNone;
      } else if (context.requests[client.first_request].ready) {
        run.flush();
        deliver_replies(context, client_index);
      }
      return true;
    }
    hold(context, request, piece, 0);
    const std::string_view end = missing_end(request);
    if (!end.empty()) hold(context, request, end, 0);
    drop_if_hidden(context, request);
    request.ready = true;
    note_answered(context, request, connection.backend, stages);
    if (client.first_request == request_index) {
      run.flush();
      deliver_replies(context, client_index);
    }
    return true;
  }
  hold(context, request, piece, 0);
  run.flush();
  if (is_own) return take_greeting(context, index, request, request_index);
  finish_child(context, request_index);
  return true;
}

// Answers the folded gets that have no part in this line of the server's: the front is then the one
// that has. False: there is none.
bool pass_over_folded(Context& context, u32 index, ReplyRun& run, std::string_view line) {
  BackendConnection& connection = context.connections[index];
  while (true) {
    const FoldedAnswer answer = match_folded(context, connection, line);
    if (answer == FoldedAnswer::here) return true;
    if (answer == FoldedAnswer::stranger) return false;
    const u32 request_index = connection.first_pending;
    context.requests[request_index].shape = memcached::ReplyShape::values;  // this is all of it
    pop_front(context, connection);
    take_whole(context, index, run, request_index,
               answer == FoldedAnswer::failed ? line : kNoValue);
  }
}

// Takes the next reply, or as much as there is of it, off bytes. False: the stream is broken, the
// connection was failed.
bool take_next(Context& context, u32 index, ReplyRun& run, std::string_view& bytes) {
  BackendConnection& connection = context.connections[index];
  const u32 request_index = connection.first_pending;
  std::size_t used = 0;
  const ParseStatus status = parse_reply(context, connection, bytes, used);
  if (status == ParseStatus::invalid) {
    run.flush();
    fail_connection(context, index, Failure::bad_reply);
    return false;
  }
  const std::string_view piece = bytes.substr(0, used);
  bytes.remove_prefix(used);
  if (status == ParseStatus::incomplete) {
    run.flush();
    connection.front_progress = context.now();
    take_part(context, index, request_index, piece, announced_bytes(connection));
    return true;
  }
  start_next_reply(connection);
  pop_front(context, connection);
  return take_whole(context, index, run, request_index, piece);
}

// The same where folded gets wait at the front: the next line says whose answer it begins.
bool take_next_folded(Context& context, u32 index, ReplyRun& run, std::string_view& bytes) {
  BackendConnection& connection = context.connections[index];
  std::string_view line;
  std::size_t used = 0;
  const ParseStatus status = take_folded_line(context, connection, bytes, line, used);
  bytes.remove_prefix(used);
  if (status == ParseStatus::incomplete) {
    connection.front_progress = context.now();
    return true;
  }
  if (status == ParseStatus::invalid || !pass_over_folded(context, index, run, line)) {
    run.flush();
    fail_connection(context, index, Failure::bad_reply);
    return false;
  }
  if (connection.cut_line == nullptr) return take_next(context, index, run, bytes);
  Block* const kept = std::exchange(connection.cut_line, nullptr);
  std::string_view text = kept->view();
  const bool is_good = take_next(context, index, run, text);
  run.flush();
  context.blocks.give(kept);
  return is_good;
}

}  // namespace

bool take_replies(Context& context, u32 index, std::string_view bytes) {
  BackendConnection& connection = context.connections[index];
  ReplyRun run(context, connection);
  while (!bytes.empty()) {
    const u32 front = connection.first_pending;
    // Nothing may be answered that was not asked, in particular nothing behind an unfinished
    // greeting.
    const bool asked = front != kNone && (connection.state == BackendState::ready ||
                                          context.requests[front].kind == RequestKind::handshake);
    if (!asked) {
      run.flush();
      fail_connection(context, index, Failure::bad_reply);
      return false;
    }
    const bool folded = context.requests[front].folded_keys != nullptr;
    if (!(folded ? take_next_folded : take_next)(context, index, run, bytes)) return false;
  }
  run.flush();
  note_relief(context, connection);
  show_line(connection);
  return true;
}

bool answer_with_failure(Context& context, u32 request_index, std::string_view error_line) {
  Request& request = context.requests[request_index];
  const bool waits =
      request.kind == RequestKind::child ? request.parent != kNone : request.in_client;
  if (!waits || request.ready || request.kind == RequestKind::handshake) {
    release_request_if_done(context, request_index);
    return false;
  }
  if (request.streaming) {
    // Half of a reply is with the client; nothing that could follow would be right. This takes the
    // request out of the client's line, and frees it if it is in no other.
    cut_off_client(context, request.client);
    return true;
  }
  if (request.reply != nullptr) request.reply->end = request.reply->begin;
  hold(context, request, error_line, 0);
  drop_if_hidden(context, request);
  if (request.kind == RequestKind::child) {
    finish_child(context, request_index);
    return true;
  }
  request.ready = true;
  if (!request.expired) note_answered(context, request, kNone, {});
  if (is_first_in_line(context, request_index, request)) deliver_replies(context, request.client);
  return true;
}

}  // namespace ringfold
