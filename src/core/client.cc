// The life of a client connection: accepted, settled at the end of a tick, drained, aborted, freed.
#include "core/client.h"

#include <fmt/format.h>

#include <cerrno>

#include "core/client_stream.h"
#include "core/context.h"
#include "core/stages.h"

namespace ringfold {

namespace {

// How long a client may keep its side open after ours is closed. Long enough to read a last error
// line over any network that a cache is used on.
constexpr Nanos kLinger = kSecond;

UserData receive_data(u32 index, const Client& client) {
  return {Op::client_recv, client.generation, index};
}

void arm_receive(Context& context, u32 index, Client& client) {
  RINGFOLD_ASSERT(!client.receiving);
  client.receiving = true;
  client.armed_at = context.buffers_released;
  ++client.operations;
  context.ring.recv(client.fd, receive_data(index, client));
}

// Counts a client in, of all workers. False: client_connections are open already.
bool add_client(Pool& pool) {
  if (pool.client_count == nullptr) return true;
  const u32 before = pool.client_count->fetch_add(1, std::memory_order_relaxed);
  if (before < pool.config->client_connections) return true;
  pool.client_count->fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void forget_client(Pool& pool) {
  if (pool.client_count != nullptr) pool.client_count->fetch_sub(1, std::memory_order_relaxed);
}

// Everything asked for has been answered and sent.
bool is_served(const Client& client) {
  return client.request_count == 0 && client.out.empty() && !client.sending;
}

void start_closing(Context& context, u32 index, Client& client) {
  client.state = ClientState::closing;
  if (client.operations > 0) context.ring.cancel_all(client.fd);
  queue_for_settling(context, index, client);
}

// Nobody waits for them any more; each is freed when it has left its server's line too.
void forget_requests(Context& context, Client& client) {
  u32 next = client.first_request;
  while (next != kNone) {
    const u32 request_index = next;
    Request& request = context.requests[request_index];
    next = request.next_in_client;
    if (request.kind != RequestKind::local) context.pools[client.pool].stats->abandoned.add();
    request.client = kNone;
    request.in_client = false;
    release_request_if_done(context, request_index);
  }
  client.first_request = kNone;
  client.last_request = kNone;
  client.request_count = 0;
}

void free_client(Context& context, u32 index, Client& client) {
  RINGFOLD_ASSERT(client.request_count == 0);
  client.out.clear(context.blocks);
  drop_carry(context, client);
  if (client.name != nullptr) context.blocks.give(client.name);
  client.name = nullptr;
  context.ring.close(client.fd);
  client.fd = -1;
  client.state = ClientState::free;
  forget_client(context.pools[client.pool]);
  forget_unwritten(context, client);
  context.pools[client.pool].stats->clients.subtract(1);
  context.clients.release(index);
}

void settle_draining(Context& context, u32 index, Client& client) {
  if (!is_served(client)) return;
  if (client.end_of_stream) {
    start_closing(context, index, client);
    return;
  }
  context.ring.shutdown_write(client.fd);
  client.state = ClientState::lingering;
  client.linger_deadline = context.now() + kLinger;
  context.next_deadline = std::min(context.next_deadline, client.linger_deadline);
  context.lingering_clients.push_back({index, client.generation});
}

}  // namespace

void note_active(Context& context, Client& client) {
  if (context.idle_timeout == kNever) return;
  client.last_active = context.now();
  const Nanos look = client.last_active + context.idle_timeout;
  context.next_idle_look = std::min(context.next_idle_look, look);
  context.next_deadline = std::min(context.next_deadline, look);
}

void accept_client(Context& context, u16 pool_index, int fd) {
  Pool& pool = context.pools[pool_index];
  const bool full = !add_client(pool);
  const u32 index = full || context.draining ? kNone : context.clients.take();
  if (index == kNone) {
    if (!full) forget_client(pool);
    if (!context.draining) pool.stats->errors[ClientError::turned_away].add();
    if (full) {
      context.outbox.log(LogLevel::warn,
                         fmt::format("pool \"{}\": a client was turned away: client_connections "
                                     "({}) are open",
                                     pool.config->name, pool.config->client_connections));
    }
    context.ring.close(fd);
    return;
  }
  Client& client = context.clients[index];
  const u32 generation = client.generation + 1;
  client = Client{};
  client.generation = generation & 0xffffff;
  client.fd = fd;
  client.pool = pool_index;
  client.protocol = pool.config->protocol;
  client.state = ClientState::open;
  client.authenticated = pool.config->client_password.empty();
  client.id =
      context.clients_accepted++ * context.snapshot.config.threads + context.worker_index + 1;
  pool.stats->clients.add();
  pool.stats->clients_accepted.add();
  note_active(context, client);
  arm_receive(context, index, client);
}

void on_client_received(Context& context, u32 index, const Completion& completion) {
  Client& client = context.clients[index];
  RINGFOLD_ASSERT(client.generation == completion.user_data.generation());
  if (!completion.more) {
    client.receiving = false;
    --client.operations;
    queue_for_settling(context, index, client);
  }
  note_active(context, client);
  PoolStats& stats = *context.pools[client.pool].stats;
  if (completion.result > 0) {
    stats.bytes_received.add(static_cast<u64>(completion.result));
    // What arrives behind the last request of interest is read and dropped.
    if (client.state == ClientState::open) {
      feed_client(context, index, {completion.data, static_cast<std::size_t>(completion.result)});
    }
  } else if (completion.result == 0) {
    client.end_of_stream = true;
    if (client.state == ClientState::open) stats.clients_closed.add();
  } else if (completion.result == -ENOBUFS) {
    client.starved = true;
    context.stats.no_buffer.add();
  } else if (completion.result != -ECANCELED) {
    if (client.state != ClientState::closing) stats.clients_broken.add();
    abort_client(context, index);
  }
}

void on_client_sent(Context& context, u32 index, i32 result) {
  Client& client = context.clients[index];
  client.sending = false;
  --client.operations;
  if (client.state == ClientState::closing) {
    client.out.consume(context.blocks, 0);
    queue_for_settling(context, index, client);
    return;
  }
  PoolStats& stats = *context.pools[client.pool].stats;
  if (result < 0) {
    stats.clients_broken.add();
    client.out.consume(context.blocks, 0);
    abort_client(context, index);
    return;
  }
  stats.bytes_sent.add(static_cast<u64>(result));
  client.out.consume(context.blocks, static_cast<u64>(result));
  note_reply_bytes(client, static_cast<u64>(result));
  note_active(context, client);  // who reads slowly has been told something just now
  if (!client.out.empty()) client_output_grew(context, index);
  if (client.paused || client.state != ClientState::open) {
    queue_for_settling(context, index, client);
  }
}

Nanos close_idle_clients(Context& context) {
  if (context.next_idle_look > context.now()) return context.next_idle_look;
  context.next_idle_look = kNever;
  for (u32 index = 0; index < context.clients.touched(); ++index) {
    Client& client = context.clients[index];
    const u32 timeout_ms = context.pools[client.pool].config->client_idle_timeout_ms;
    const bool waits = client.request_count > 0 || !client.out.empty() || client.paused;
    if (client.state != ClientState::open || timeout_ms == 0) continue;
    const Nanos deadline = waits ? context.now() + timeout_ms * kMillisecond
                                 : client.last_active + timeout_ms * kMillisecond;
    if (deadline <= context.now()) {
      count_error(context, client, ClientError::idle);
      drain_client(context, index);
    } else {
      context.next_idle_look = std::min(context.next_idle_look, deadline);
    }
  }
  // Those that come between now and then are looked at together.
  if (context.next_idle_look != kNever) {
    context.next_idle_look =
        std::max(context.next_idle_look, context.now() + context.idle_timeout / 16);
  }
  return context.next_idle_look;
}

void drain_client(Context& context, u32 index) {
  Client& client = context.clients[index];
  if (client.state != ClientState::open) return;
  client.state = ClientState::draining;
  client.paused = false;
  drop_carry(context, client);
  queue_for_settling(context, index, client);
}

void dismiss_client(Context& context, u32 index) {
  Client& client = context.clients[index];
  if (client.state != ClientState::open) return;
  client.leaving = true;
  queue_for_settling(context, index, client);
}

void cut_off_client(Context& context, u32 index) {
  Client& client = context.clients[index];
  count_error(context, client, ClientError::cut_off);
  forget_requests(context, client);
  client.state = ClientState::draining;
  client.paused = false;
  drop_carry(context, client);
  queue_for_settling(context, index, client);
}

void abort_client(Context& context, u32 index) {
  Client& client = context.clients[index];
  if (client.state == ClientState::closing || client.state == ClientState::free) return;
  forget_requests(context, client);
  client.paused = false;
  drop_carry(context, client);
  if (!client.sending) client.out.clear(context.blocks);
  start_closing(context, index, client);
}

void settle_client(Context& context, u32 index) {
  Client& client = context.clients[index];
  if (!client.queued || client.state == ClientState::free) return;
  client.queued = false;
  if (client.state == ClientState::open && client.paused) resume_client(context, index);
  if (client.state == ClientState::open && !client.paused &&
      (client.end_of_stream || client.leaving)) {
    drain_client(context, index);
  }
  if (client.state == ClientState::draining) settle_draining(context, index, client);
  if (client.state == ClientState::lingering &&
      (client.end_of_stream || context.now() >= client.linger_deadline)) {
    start_closing(context, index, client);
  }
  if (client.state == ClientState::closing) {
    if (client.operations == 0) free_client(context, index, client);
    return;
  }
  if (client.receiving || client.end_of_stream || client.paused) return;
  if (must_wait_for_buffer(context, client)) {
    context.starved_clients.push_back(index);
  } else {
    arm_receive(context, index, client);
  }
}

}  // namespace ringfold
