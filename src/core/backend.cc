// The life of a server connection: opened, greeted (AUTH, SELECT), ready, failed, freed.
#include "core/backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <utility>

#include "core/bypass.h"
#include "core/context.h"
#include "core/resend.h"
#include "core/stages.h"
#include "core/writer.h"

namespace ringfold {

namespace {

// stall_timeout_ms, where it is not set: this many times the pool's timeout.
constexpr i64 kStallFactor = 4;
constexpr Nanos kStallMin = kSecond;

// A connection that lived so long was not closed for being made.
constexpr Nanos kUsefulConnection = kSecond;

// How long a connection to an address that the server has left is waited for, counted from its last
// progress. A server that moved because it died will never answer, and without a timeout_ms nobody
// else ends the wait; one that was moved in peace is done long before.
constexpr Nanos kRetiredMax = 10 * kSecond;

// A server that keeps failing has its name looked at so often. The supervisor counts for all
// workers once more.
constexpr Nanos kLookupGap = kSecond;

Backend& backend_of(Context& context, const BackendConnection& connection) {
  return context.pools[connection.pool].backends[connection.backend];
}

std::string describe(const Context& context, const BackendConnection& connection) {
  const Pool& pool = context.pools[connection.pool];
  const ServerConfig& server = *pool.backends[connection.backend].config;
  return fmt::format("pool \"{}\": server \"{}\" ({})", pool.config->name, server.name,
                     to_string(pool.backends[connection.backend].address));
}

// A connection whose front request has waited so long is stuck: it is closed, and what waits on it
// fails. Until then late replies are waited for and dropped, so that one slow command does not fail
// the others. 0: it may wait for ever.
Nanos stall_limit(const PoolConfig& pool) {
  if (pool.stall_timeout_ms != 0) return pool.stall_timeout_ms * kMillisecond;
  if (pool.timeout_ms == 0) return 0;
  return std::max(kStallFactor * pool.timeout_ms * kMillisecond, kStallMin);
}

void arm_receive(Context& context, u32 index, BackendConnection& connection) {
  RINGFOLD_ASSERT(!connection.receiving);
  connection.receiving = true;
  connection.armed_at = context.buffers_released;
  ++connection.operations;
  context.ring.recv(connection.fd, {Op::backend_recv, connection.generation, index});
}

// Counts what the server has taken. While it takes the bytes of the first pending request, that
// request is not late.
void note_sent(Context& context, BackendConnection& connection, u64 count) {
  connection.stats->bytes_sent.add(count);
  const u64 before = connection.sent_bytes;
  connection.sent_bytes += count;
  if (connection.first_pending == kNone) return;
  const u32 second = context.requests[connection.first_pending].next_in_backend;
  const u64 front_end =
      second != kNone ? context.requests[second].begins_at : end_of_requests(connection);
  if (front_end > before) connection.front_progress = context.now();
}

// The present address of a named server does not do: perhaps the name has another one by now.
void ask_for_lookup(Context& context, u16 pool, u16 backend_index) {
  Backend& backend = context.pools[pool].backends[backend_index];
  if (!backend.named || context.draining || context.now() < backend.next_lookup_from) return;
  backend.next_lookup_from = context.now() + kLookupGap;
  context.outbox.ask_for_lookup(context.snapshot->generation, context.pools[pool].place,
                                backend_index);
}

u32 open_connection(Context& context, u16 pool_index, u32 backend_index, u32 place,
                    Failure& failure) {
  Pool& pool = context.pools[pool_index];
  Backend& backend = pool.backends[backend_index];
  if (!backend.address.resolved()) {
    ask_for_lookup(context, pool_index, static_cast<u16>(backend_index));
    failure = Failure::unresolved;
    return kNone;
  }
  const int fd = context.ring.open_socket(backend.address, pool.config->tcp_keepalive);
  if (fd < 0) {
    failure = failure_of_connect(fd);
    return kNone;
  }
  const u32 index = context.connections.take();
  if (index == kNone) {
    context.ring.close(fd);
    failure = Failure::out_of_descriptors;
    return kNone;
  }
  BackendConnection& connection = context.connections[index];
  const u32 generation = connection.generation + 1;
  connection = BackendConnection{};
  connection.generation = generation & 0xffffff;
  connection.fd = fd;
  connection.pool = pool_index;
  connection.protocol = pool.config->protocol;
  connection.backend = static_cast<u16>(backend_index);
  connection.stats = backend.stats;
  connection.place = static_cast<u16>(place);
  connection.state = BackendState::connecting;
  connection.connect_deadline =
      context.now() + static_cast<Nanos>(pool.config->connect_timeout_ms) * kMillisecond;
  context.next_deadline = std::min(context.next_deadline, connection.connect_deadline);
  backend.connections[place] = index;
  backend.stats->connects.add();
  backend.stats->connections.add();
  ++connection.operations;
  context.ring.connect(fd, backend.address, {Op::backend_connect, connection.generation, index});
  return index;
}

// Puts a request of the proxy's own in front of all that waits.
void push_greeting(Context& context, u32 index, Greeting greeting, std::string_view bytes) {
  BackendConnection& connection = context.connections[index];
  const u32 request_index = take_request(context, RequestKind::handshake);
  RINGFOLD_ASSERT(request_index != kNone);
  Request& request = context.requests[request_index];
  request.ordinal = static_cast<u16>(greeting);
  request.in_backend = true;
  request.next_in_backend = connection.first_pending;
  connection.first_pending = request_index;
  if (connection.last_pending == kNone) connection.last_pending = request_index;
  ++connection.pending_count;
  ++connection.greetings_left;
  Batch line;
  line.append(context.blocks, bytes);
  line.append_all(connection.out);
  connection.out = line;
}

std::string redis_command(std::initializer_list<std::string_view> words) {
  std::string bytes;
  resp::encode_number_line(bytes, '*', static_cast<i64>(words.size()));
  for (const std::string_view word : words) resp::encode_bulk(bytes, word);
  return bytes;
}

// The last one pushed is sent first: AUTH, SELECT, and the probe behind them.
void push_greetings(Context& context, u32 index) {
  const BackendConnection& connection = context.connections[index];
  const PoolConfig& pool = *context.pools[connection.pool].config;
  if (backend_of(context, connection).health.state != HealthState::up) {
    const bool is_redis = connection.protocol == Protocol::redis;
    push_greeting(context, index, Greeting::probe,
                  is_redis ? redis_command({"PING"}) : "version\r\n");
  }
  if (pool.database != 0) {
    push_greeting(context, index, Greeting::select,
                  redis_command({"SELECT", std::to_string(pool.database)}));
  }
  if (!pool.password.empty()) {
    push_greeting(context, index, Greeting::auth, redis_command({"AUTH", pool.password}));
  }
}

// Answers the requests that are past their deadline; they stay in line for their replies. Returns
// the next deadline. The first one has time as long as its bytes move: a value of 512 MiB takes
// longer than a timeout meant for waiting.
Nanos expire_requests(Context& context, BackendConnection& connection) {
  const Nanos now = context.now();
  const Nanos timeout =
      static_cast<Nanos>(context.pools[connection.pool].config->timeout_ms) * kMillisecond;
  Nanos next = kNever;
  bool advance = true;
  std::string line;
  u32 following = connection.first_live;
  while (following != kNone) {
    const u32 index = following;
    Request& request = context.requests[index];
    following = request.next_in_backend;
    if (!request.expired) {
      Nanos deadline = request.deadline;
      if (index == connection.first_pending)
        deadline = std::max(deadline, connection.front_progress + timeout);
      if (deadline > now) {
        next = std::min(next, deadline);
        advance = false;
        if (deadline == request.deadline) break;
        continue;
      }
      if (line.empty()) {
        line = failure_line(connection.protocol, Failure::timed_out,
                            backend_of(context, connection).config->name);
      }
      request.expired = true;
      ++connection.expired_count;
      if (answer_with_failure(context, index, line)) {
        note_expired(context, connection, index);
        count_error(context, connection.pool, connection.backend, Failure::timed_out);
      }
    }
    if (advance) connection.first_live = following;
  }
  const bool is_silent = connection.last_received + timeout <= now;
  if (!line.empty() && is_silent && connection.state == BackendState::ready &&
      !connection.retired()) {
    note_timeout(context, connection.pool, connection.backend);
  }
  return next;
}

// When the connection counts as stuck. Requires: a request waits on it.
Nanos stall_deadline(const Context& context, const BackendConnection& connection) {
  const PoolConfig& pool = *context.pools[connection.pool].config;
  const Nanos limit = stall_limit(pool);
  if (limit == 0 || connection.state != BackendState::ready) return kNever;
  const Nanos asked = context.requests[connection.first_pending].deadline - request_limit(pool);
  return std::max({asked, connection.last_received, connection.front_progress}) + limit;
}

// Opens a lost connection anew without waiting for the next request, so that a server which is gone
// is known to be so before anybody asks it. One that closes connections as soon as they are made is
// not offered them again and again.
void reopen_connection(Context& context, const BackendConnection& lost) {
  const Pool& pool = context.pools[lost.pool];
  const Backend& backend = pool.backends[lost.backend];
  if (lost.place >= pool.config->server_connections) return;
  const bool was_of_use =
      lost.last_received != 0 || context.now() - lost.ready_at > kUsefulConnection;
  if (!pool.config->preconnect || context.draining || !was_of_use) return;
  if (backend.health.state != HealthState::up || backend.connections[lost.place] != kNone) return;
  Failure failure = Failure::none;
  // One that cannot be opened now is opened for the next request, which is told if that fails.
  static_cast<void>(open_connection(context, lost.pool, lost.backend, lost.place, failure));
}

// Takes the connection out of its backend; the slot is freed when the kernel has let go.
void close_connection(Context& context, u32 index) {
  BackendConnection& connection = context.connections[index];
  if (connection.state == BackendState::closing) return;
  Backend& backend = backend_of(context, connection);
  backend.connections[connection.place] = kNone;
  backend.stats->connections.subtract(1);
  connection.state = BackendState::closing;
  note_relief(context, connection);
  connection.queued.clear(context.blocks);
  if (connection.cut_line != nullptr) context.blocks.give(connection.cut_line);
  connection.cut_line = nullptr;
  if (!connection.sending) connection.out.clear(context.blocks);
  if (connection.operations > 0) context.ring.cancel_all(connection.fd);
  queue_for_settling(context, index, connection);
}

// Moves the connection behind the places that take requests, or closes it if nobody waits for it.
void retire_connection(Context& context, u32 index) {
  BackendConnection& connection = context.connections[index];
  Backend& backend = backend_of(context, connection);
  connection.retired_at = context.now();
  if (connection.first_live == kNone) {
    fail_connection(context, index, Failure::closed);
    return;
  }
  std::vector<u32>& places = backend.connections;
  places[connection.place] = kNone;
  const auto spares = places.begin() + lane_count(*context.pools[connection.pool].config);
  const auto spare = std::find(spares, places.end(), kNone);
  connection.place = static_cast<u16>(spare - places.begin());
  if (spare == places.end()) places.push_back(kNone);
  places[connection.place] = index;
  context.next_deadline = std::min(context.next_deadline, context.now() + kRetiredMax);
}

void log_failure(Context& context, const BackendConnection& connection, Failure failure,
                 std::string_view detail, bool is_harmless, bool is_resent) {
  const Backend& backend = backend_of(context, connection);
  // While draining, connections end by the dozen; what is given up then is worth a line.
  const bool is_wanted =
      !context.draining || (failure == Failure::cut_off && connection.first_live != kNone);
  // A server that stays away is in the log once.
  const bool is_news = connection.retired() ? connection.first_live != kNone
                                            : backend.health.state == HealthState::up;
  if (!is_wanted || !is_news) return;
  const std::string server =
      connection.retired()
          ? fmt::format("pool \"{}\": server \"{}\" at its former address",
                        context.pools[connection.pool].config->name, backend.config->name)
          : describe(context, connection);
  context.outbox.log(
      is_harmless ? LogLevel::info : LogLevel::warn,
      fmt::format("{} {}; {} requests {}", server, failure_reason(failure, detail),
                  connection.pending_count, is_resent ? "are tried again" : "failed"));
}

void fail_line(Context& context, u32 first_request, std::string_view error_line,
               Counter& error_count) {
  u32 next = first_request;
  while (next != kNone) {
    const u32 request_index = next;
    Request& request = context.requests[request_index];
    next = request.next_in_backend;
    request.in_backend = false;
    if (answer_with_failure(context, request_index, error_line)) error_count.add();
  }
}

}  // namespace

Nanos request_limit(const PoolConfig& pool) {
  return pool.timeout_ms != 0 ? pool.timeout_ms * kMillisecond : stall_limit(pool);
}

u32 connection_for(Context& context, u16 pool, u32 backend, u32 client, Failure& failure) {
  Backend& server = context.pools[pool].backends[backend];
  if (server.health.state != HealthState::up) [[unlikely]] {
    const bool is_ejected = server.health.state == HealthState::ejected;
    failure = is_ejected ? Failure::ejected : server.health.reason;
    return kNone;
  }
  const std::vector<u32>& connections = server.connections;
  const u32 place = place_for(context, server, backend, client, context.clients[client]);
  if (connections[place] != kNone) {
    if (!is_line_full(context, context.connections[connections[place]])) return connections[place];
    failure = Failure::overloaded;
    return kNone;
  }
  failure = server.open_failure;
  if (failure != Failure::none) return kNone;
  const u32 opened = open_connection(context, pool, backend, place, failure);
  if (opened == kNone) {
    server.open_failure = failure;
    context.open_failures.push_back({pool, backend});
  }
  return opened;
}

Failure start_probe(Context& context, u16 pool_index, u32 backend_index) {
  const Pool& pool = context.pools[pool_index];
  const Backend& backend = pool.backends[backend_index];
  // Those that give way end for what took the server out of service: nothing else has happened to
  // them yet.
  const Failure reason = backend.health.reason;
  const std::string detail = backend.health.detail;
  for (u32 place = 0; place < lane_count(*pool.config); ++place) {
    const u32 index = backend.connections[place];
    if (index != kNone) fail_connection(context, index, reason, detail);
  }
  Failure failure = Failure::none;
  static_cast<void>(open_connection(context, pool_index, backend_index, 0, failure));
  return failure;
}

void preconnect_server(Context& context, u16 pool_index, u32 backend_index) {
  Pool& pool = context.pools[pool_index];
  Backend& backend = pool.backends[backend_index];
  // The supervisor has said so, and why; once there is an address we are back here.
  if (!backend.address.resolved()) return;
  for (u32 place = 0; place < pool.config->server_connections; ++place) {
    if (backend.connections[place] != kNone) continue;
    Failure failure = Failure::none;
    if (open_connection(context, pool_index, backend_index, place, failure) != kNone) continue;
    context.outbox.log(LogLevel::warn,
                       fmt::format("pool \"{}\": server \"{}\" {}", pool.config->name,
                                   backend.config->name, failure_reason(failure)));
    break;
  }
}

void preconnect_pool(Context& context, u16 pool) {
  for (u32 backend = 0; backend < context.pools[pool].server_count(); ++backend) {
    if (context.pools[pool].backends[backend].health.state != HealthState::up) continue;
    preconnect_server(context, pool, backend);
  }
}

void set_server_address(Context& context, u16 pool_index, u16 backend_index,
                        const Address& address) {
  Pool& pool = context.pools[pool_index];
  Backend& backend = pool.backends[backend_index];
  if (backend.address == address) return;
  backend.address = address;
  for (u32 place = 0; place < lane_count(*pool.config); ++place) {
    const u32 index = backend.connections[place];
    if (index != kNone) retire_connection(context, index);
  }
  if (backend.health.state != HealthState::up) {
    probe_soon(context, backend.health);
    return;
  }
  if (!context.draining) follow_address(context, backend);
  if (pool.config->preconnect && !context.draining) {
    preconnect_server(context, pool_index, backend_index);
  }
}

void enqueue_for_backend(Context& context, u32 index, u32 request_index) {
  BackendConnection& connection = context.connections[index];
  Request& request = context.requests[request_index];
  request.in_backend = true;
  request.next_in_backend = kNone;
  request.begins_at = end_of_requests(connection);
  if (connection.last_pending == kNone) {
    connection.first_pending = request_index;
  } else {
    context.requests[connection.last_pending].next_in_backend = request_index;
  }
  connection.last_pending = request_index;
  ++connection.pending_count;
  if (connection.first_live == kNone) connection.first_live = request_index;
  const Nanos limit = request_limit(*context.pools[connection.pool].config);
  if (limit == 0) return;
  request.deadline = context.now() + limit;
  context.next_deadline = std::min(context.next_deadline, request.deadline);
}

void on_backend_connected(Context& context, u32 index, i32 result) {
  BackendConnection& connection = context.connections[index];
  --connection.operations;
  if (connection.state == BackendState::closing) {
    queue_for_settling(context, index, connection);
    return;
  }
  if (result < 0) {
    fail_connection(context, index, failure_of_connect(result));
    return;
  }
  arm_receive(context, index, connection);
  connection.state = BackendState::greeting;
  push_greetings(context, index);
  if (connection.greetings_left == 0) {
    become_ready(context, index);
  } else {
    mark_backend_dirty(context, index);
  }
}

void become_ready(Context& context, u32 index) {
  BackendConnection& connection = context.connections[index];
  connection.state = BackendState::ready;
  connection.ready_at = context.now();
  connection.connect_deadline = kNever;
  connection.send_times.clear();  // those of the greetings
  connection.out.append_all(connection.queued);
  if (!connection.out.empty()) mark_backend_dirty(context, index);
  if (connection.retired()) return;
  if (backend_of(context, connection).health.state == HealthState::up) return;
  note_return(context, connection.pool, connection.backend);
}

void on_backend_received(Context& context, u32 index, const Completion& completion) {
  BackendConnection& connection = context.connections[index];
  RINGFOLD_ASSERT(connection.generation == completion.user_data.generation());
  if (!completion.more) {
    connection.receiving = false;
    --connection.operations;
    queue_for_settling(context, index, connection);
  }
  ServerStats& stats = *connection.stats;
  if (completion.result > 0) stats.bytes_received.add(static_cast<u64>(completion.result));
  if (connection.state == BackendState::closing) return;
  if (completion.result > 0) {
    connection.last_received = context.now();
    if (connection.state == BackendState::ready)
      backend_of(context, connection).health.failures = 0;
    take_replies(context, index, {completion.data, static_cast<std::size_t>(completion.result)});
    if (connection.over()) fail_connection(context, index, Failure::closed);
  } else if (completion.result == -ENOBUFS) {
    connection.starved = true;
    context.stats.no_buffer.add();
  } else if (completion.result != -ECANCELED) {
    if (completion.result == 0) stats.closed_by_server.add();
    fail_connection(context, index, failure_of_stream(completion.result));
  }
}

void on_backend_sent(Context& context, u32 index, i32 result) {
  BackendConnection& connection = context.connections[index];
  connection.sending = false;
  --connection.operations;
  if (connection.state == BackendState::closing || result < 0) {
    connection.out.consume(context.blocks, 0);
    if (connection.state == BackendState::closing) {
      queue_for_settling(context, index, connection);
    } else {
      fail_connection(context, index, failure_of_stream(result));
    }
    return;
  }
  connection.out.consume(context.blocks, static_cast<u64>(result));
  note_sent(context, connection, static_cast<u64>(result));
  note_relief(context, connection);
  if (!connection.out.empty()) mark_backend_dirty(context, index);
}

void fail_connection(Context& context, u32 index, Failure failure, std::string_view detail) {
  BackendConnection& connection = context.connections[index];
  if (connection.state == BackendState::closing) return;
  const Backend& backend = backend_of(context, connection);
  const bool was_ready = connection.state == BackendState::ready;
  // An idle connection that the server closes is housekeeping, not trouble.
  const bool is_harmless =
      was_ready && connection.first_pending == kNone && failure == Failure::closed;
  const bool is_resent = may_resend(context, connection, failure);
  log_failure(context, connection, failure, detail, is_harmless, is_resent);
  const std::string line = failure_line(connection.protocol, failure, backend.config->name, detail);
  if (failure != Failure::closed && failure != Failure::cut_off) {
    backend.stats->broken_connections.add();
  }
  const Batch unsent = is_resent ? std::exchange(connection.queued, Batch{}) : Batch{};
  close_connection(context, index);
  const u32 first = std::exchange(connection.first_pending, kNone);
  connection.last_pending = kNone;
  connection.first_live = kNone;
  connection.pending_count = 0;
  Counter& error_count = backend.stats->errors[failure];
  if (!is_resent) fail_line(context, first, line, error_count);
  show_line(connection);
  // One that is retired says nothing about the server where it is now.
  if (connection.retired()) return;
  ask_for_lookup(context, connection.pool, connection.backend);
  if (!is_harmless) {
    const bool is_stuck = was_ready && failure == Failure::timed_out;
    note_failure(context, connection.pool, connection.backend, failure, detail,
                 !was_ready || is_stuck);
  }
  if (is_resent) resend_line(context, connection.pool, first, unsent, line, error_count);
  if (was_ready) reopen_connection(context, connection);
}

Nanos expire_connection(Context& context, u32 index) {
  BackendConnection& connection = context.connections[index];
  const Nanos now = context.now();
  if (connection.connect_deadline <= now) {
    fail_connection(context, index, Failure::connect_timed_out);
    return kNever;
  }
  const PoolConfig& pool = *context.pools[connection.pool].config;
  Nanos next = connection.connect_deadline;
  if (connection.retired()) {
    const Nanos limit = std::max(connection.retired_at, connection.front_progress) + kRetiredMax;
    if (limit <= now) {
      fail_connection(context, index, Failure::timed_out);
      return kNever;
    }
    next = std::min(next, limit);
  }
  if (connection.first_pending == kNone) {
    if (!is_bypass(context, connection) || connection.state != BackendState::ready) return next;
    const Nanos idle = bypass_deadline(connection);
    if (idle > now) return std::min(next, idle);
    retire_connection(context, index);
    return kNever;
  }
  if (pool.timeout_ms != 0) next = std::min(next, expire_requests(context, connection));
  if (connection.over()) {
    fail_connection(context, index, Failure::closed);
    return kNever;
  }
  const Nanos stalled = stall_deadline(context, connection);
  if (stalled > now) return std::min(next, stalled);
  fail_connection(context, index, Failure::timed_out);
  return kNever;
}

void settle_connection(Context& context, u32 index) {
  BackendConnection& connection = context.connections[index];
  if (!connection.queued_for_settling || connection.state == BackendState::free) return;
  connection.queued_for_settling = false;
  if (connection.state == BackendState::closing) {
    if (connection.operations > 0) return;
    connection.out.clear(context.blocks);
    context.ring.close(connection.fd);
    connection.fd = -1;
    connection.state = BackendState::free;
    context.connections.release(index);
    return;
  }
  if (connection.receiving || connection.state == BackendState::connecting) return;
  if (must_wait_for_buffer(context, connection)) {
    context.starved_connections.push_back(index);
  } else {
    arm_receive(context, index, connection);
  }
}

}  // namespace ringfold
