#include "core/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/context.h"
#include "core/stages.h"
#include "core/writer.h"

namespace ringfold {

struct Worker::Impl {
  Impl(const Snapshot& snapshot, Ring& ring, ControlRing& control_in, Outbox& outbox,
       const WorkerOptions& options)
      : context(snapshot, ring, outbox, options.index, options.seed), control(control_in) {}

  Context context;
  ControlRing& control;
  std::vector<UserData> stopped_listeners;  // accepting failed; armed again when expire() runs next
  Nanos abort_at = kNever;  // the drain has taken too long: clients are aborted then

  Expected<void> open_listeners(u16 pool_index);
  void dispatch(const Completion& completion);
  void on_accepted(const Completion& completion);
  void take_control_messages();
  void start_drain();
  void fail_backends(Failure failure);
  void start_cut_off();
  void abort_clients();
  void expire();
  void go_on_with_spent();
  void wake_starved();
  void settle();
  void close_idle_backends();
};

namespace {

// Accepting is armed again after an error such as EMFILE at the next tick that this brings about.
constexpr Nanos kAcceptRetry = 100 * kMillisecond;

// Enough for an error line to leave; the kernel delivers what it has taken even after a close. Part
// of the time in which the process has to be gone, so short.
constexpr Nanos kCutOffGrace = 100 * kMillisecond;

Pool make_pool(const Snapshot& snapshot, u32 worker, std::size_t index) {
  const PoolBlocks& blocks = snapshot.stats[worker].pools[index];
  const PoolConfig& config = snapshot.config.pools[index];
  const PoolAddresses& addresses = snapshot.addresses[index];
  Pool pool;
  pool.config = &config;
  pool.stats = blocks.pool;
  pool.addresses = &addresses;
  for (std::size_t i = 0; i < config.servers.size(); ++i) {
    Backend backend;
    backend.config = &config.servers[i];
    backend.stats = blocks.servers[i];
    backend.address = addresses.servers[i];
    backend.named = has_host_name(config.servers[i].endpoint);
    backend.connections.assign(lane_count(config), kNone);
    pool.backends.push_back(std::move(backend));
  }
  build_shards(pool);
  if (config.client_connections > 0) pool.client_count = &snapshot.client_counts[index];
  return pool;
}

// Deadlines that are microseconds apart are met by one tick. Half a percent of the shortest useful
// timeout is not missed by anybody.
constexpr Nanos kDeadlineGrain = kMillisecond;

Nanos round_up(Nanos deadline) {
  if (deadline > kNever - kDeadlineGrain) return deadline;
  return (deadline + kDeadlineGrain - 1) / kDeadlineGrain * kDeadlineGrain;
}

// What a worker holds, for those who watch.
void show_accounts(Context& context) {
  WorkerStats& stats = context.stats;
  const RingNumbers ring = context.ring.numbers();
  stats.completion_overflows.set(ring.completion_overflows);
  stats.receive_buffer_bytes.set(ring.receive_buffer_bytes);
  stats.events_dropped.set(context.outbox.dropped());
  stats.clients.set(context.clients.used());
  stats.block_bytes.set(context.blocks.bytes_in_use());
  stats.request_bytes.set(context.requests.used() * u64{sizeof(Request)});
  stats.client_bytes.set(context.clients.used() * u64{sizeof(Client)});
  stats.pressure.set(static_cast<u64>(context.pressure));
}

UserData accept_data(u32 pool, u32 listener) {
  return {Op::accept, listener, pool};
}

}  // namespace

Worker::Worker(const Snapshot& snapshot, Ring& ring, ControlRing& control, Outbox& outbox,
               const WorkerOptions& options)
    : impl_(std::make_unique<Impl>(snapshot, ring, control, outbox, options)) {
  Context& context = impl_->context;
  u32 servers_max = 0;
  for (std::size_t i = 0; i < snapshot.config.pools.size(); ++i) {
    context.pools.push_back(make_pool(snapshot, options.index, i));
    const u32 idle_ms = snapshot.config.pools[i].client_idle_timeout_ms;
    if (idle_ms != 0) {
      context.idle_timeout = std::min(context.idle_timeout, idle_ms * kMillisecond);
    }
    servers_max = std::max(servers_max, static_cast<u32>(snapshot.config.pools[i].servers.size()));
  }
  context.memory_share = snapshot.config.memory_limit / snapshot.config.threads;
  context.split.server_children.assign(servers_max, kNone);
}

Worker::~Worker() = default;

Expected<void> Worker::start() {
  for (u16 pool = 0; pool < impl_->context.pools.size(); ++pool) {
    Expected<void> opened = impl_->open_listeners(pool);
    if (!opened) return opened;
  }
  for (u16 pool = 0; pool < impl_->context.pools.size(); ++pool) {
    if (impl_->context.pools[pool].config->preconnect) preconnect_pool(impl_->context, pool);
  }
  return {};
}

Expected<void> Worker::Impl::open_listeners(u16 pool_index) {
  Pool& pool = context.pools[pool_index];
  const ListenOptions options = listen_options(*pool.config);
  for (const Address& address : pool.addresses->listen) {
    const Expected<int> fd = context.ring.listen(address, options);
    if (!fd) return fail(fmt::format("pool \"{}\": {}", pool.config->name, fd.error().text));
    const u32 listener = static_cast<u32>(pool.listeners.size());
    pool.listeners.push_back(*fd);
    context.ring.accept(*fd, accept_data(pool_index, listener));
  }
  return {};
}

void Worker::tick() {
  Context& context = impl_->context;
  const u32 released_before = context.buffers_released;
  const Nanos deadline = context.wait_is_short ? 0 : round_up(context.next_deadline);
  context.wait_is_short = false;
  ++context.tick;
  impl_->go_on_with_spent();
  const std::span<const Completion> completions = context.ring.wait(deadline);
  context.stamp = stamp_of(context.now());
  context.stats.ticks.add();
  context.stats.completions.add(completions.size());
  for (const Completion& completion : completions) impl_->dispatch(completion);
  if (context.now() >= context.next_deadline) impl_->expire();
  if (context.buffers_released != released_before) impl_->wake_starved();
  keep_limits(context);
  impl_->settle();
  note_open_failures(context);
  if (context.draining) impl_->close_idle_backends();
  flush_dirty(context);
  show_accounts(context);
}

void Worker::Impl::dispatch(const Completion& completion) {
  const u32 slot = completion.user_data.slot();
  switch (completion.user_data.op()) {
    case Op::client_recv:
      on_client_received(context, slot, completion);
      break;
    case Op::backend_recv:
      on_backend_received(context, slot, completion);
      break;
    case Op::client_send:
      on_client_sent(context, slot, completion.result);
      break;
    case Op::backend_send:
      on_backend_sent(context, slot, completion.result);
      break;
    case Op::backend_connect:
      on_backend_connected(context, slot, completion.result);
      break;
    case Op::accept:
      on_accepted(completion);
      break;
    case Op::wake:
      take_control_messages();
      break;
    case Op::none:
      break;
  }
  if (completion.buffer == kNoBuffer) return;
  context.ring.release_buffer(completion.buffer);
  ++context.buffers_released;
}

void Worker::Impl::on_accepted(const Completion& completion) {
  const u16 pool_index = static_cast<u16>(completion.user_data.slot());
  const u32 listener = completion.user_data.generation();
  Pool& pool = context.pools[pool_index];
  if (completion.result >= 0) {
    accept_client(context, pool_index, completion.result);
  } else if (!context.draining) {
    context.outbox.log(LogLevel::warn,
                       fmt::format("pool \"{}\": a client could not be accepted: {}",
                                   pool.config->name, ::strerrordesc_np(-completion.result)));
  }
  if (completion.more) return;
  if (context.draining) {
    context.ring.close(pool.listeners[listener]);
    pool.listeners[listener] = -1;
  } else if (completion.result >= 0) {
    context.ring.accept(pool.listeners[listener], completion.user_data);
  } else {
    // Out of descriptors, most likely: arming at once would spin.
    stopped_listeners.push_back(completion.user_data);
    context.stats.accept_pauses.add();
    context.next_deadline = std::min(context.next_deadline, context.now() + kAcceptRetry);
  }
}

void Worker::Impl::take_control_messages() {
  ControlMessage message;
  while (control.try_pop(message)) {
    switch (message.kind) {
      case ControlMessage::Kind::drain:
        start_drain();
        break;
      case ControlMessage::Kind::cut_off:
        start_cut_off();
        break;
      case ControlMessage::Kind::address:
        set_server_address(context, message.pool, message.server, message.address);
        break;
    }
  }
}

// Accepts nobody, answers what was asked, closes each client when it has its answers.
void Worker::Impl::start_drain() {
  if (context.draining) return;
  context.draining = true;
  for (u32 pool = 0; pool < context.pools.size(); ++pool) {
    for (u32 listener = 0; listener < context.pools[pool].listeners.size(); ++listener) {
      context.ring.cancel(accept_data(pool, listener));
    }
  }
  for (const UserData user_data : stopped_listeners) {
    int& fd = context.pools[user_data.slot()].listeners[user_data.generation()];
    context.ring.close(fd);
    fd = -1;
  }
  stopped_listeners.clear();
  for (u32 index = 0; index < context.clients.touched(); ++index) dismiss_client(context, index);
}

void Worker::Impl::fail_backends(Failure failure) {
  for (Pool& pool : context.pools) {
    for (Backend& backend : pool.backends) {
      for (const u32 index : backend.connections) {
        if (index != kNone) fail_connection(context, index, failure);
      }
    }
  }
}

// Who waits for a server gets an error instead, and has a moment to take it.
void Worker::Impl::start_cut_off() {
  RINGFOLD_ASSERT(context.draining);
  if (abort_at != kNever) return;
  u32 client_count = 0;
  u64 request_count = 0;
  for (u32 index = 0; index < context.clients.touched(); ++index) {
    const Client& client = context.clients[index];
    if (client.state != ClientState::open && client.state != ClientState::draining) continue;
    ++client_count;
    request_count += client.request_count;
    drain_client(context, index);
  }
  if (client_count > 0) {
    context.outbox.log(LogLevel::warn,
                       fmt::format("cut off: {} clients, with {} unanswered requests", client_count,
                                   request_count));
  }
  fail_backends(Failure::cut_off);
  abort_at = context.now() + kCutOffGrace;
  context.next_deadline = std::min(context.next_deadline, abort_at);
}

void Worker::Impl::abort_clients() {
  for (u32 index = 0; index < context.clients.touched(); ++index) abort_client(context, index);
}

void Worker::Impl::expire() {
  context.next_deadline = kNever;
  Nanos next = kNever;
  if (abort_at <= context.now()) {
    abort_clients();
  } else {
    next = abort_at;
  }
  for (const UserData user_data : stopped_listeners) {
    context.ring.accept(context.pools[user_data.slot()].listeners[user_data.generation()],
                        user_data);
  }
  stopped_listeners.clear();
  for (u16 pool = 0; pool < context.pools.size(); ++pool) {
    for (u32 backend = 0; backend < context.pools[pool].backends.size(); ++backend) {
      for (const u32 index : context.pools[pool].backends[backend].connections) {
        if (index != kNone) next = std::min(next, expire_connection(context, index));
      }
      next = std::min(next, probe_if_due(context, pool, backend));
    }
  }
  while (!context.lingering_clients.empty()) {
    const auto [index, generation] = context.lingering_clients.front();
    Client& client = context.clients[index];
    if (client.state == ClientState::lingering && client.generation == generation) {
      if (client.linger_deadline > context.now()) {
        next = std::min(next, client.linger_deadline);
        break;
      }
      queue_for_settling(context, index, client);
    }
    context.lingering_clients.pop_front();
  }
  next = std::min(next, close_idle_clients(context));
  context.next_deadline = std::min(context.next_deadline, next);
}

// Behind everybody else who has sent something by now.
void Worker::Impl::go_on_with_spent() {
  for (const u32 index : context.spent_clients) {
    queue_for_settling(context, index, context.clients[index]);
  }
  context.spent_clients.clear();
}

void Worker::Impl::wake_starved() {
  for (const u32 index : context.starved_clients) {
    queue_for_settling(context, index, context.clients[index]);
  }
  context.starved_clients.clear();
  for (const u32 index : context.starved_connections) {
    queue_for_settling(context, index, context.connections[index]);
  }
  context.starved_connections.clear();
}

// The lists grow while they are walked: settling one may make another need it.
void Worker::Impl::settle() {
  for (std::size_t i = 0; i < context.settling_clients.size(); ++i) {
    settle_client(context, context.settling_clients[i]);
  }
  context.settling_clients.clear();
  for (std::size_t i = 0; i < context.settling_connections.size(); ++i) {
    settle_connection(context, context.settling_connections[i]);
  }
  context.settling_connections.clear();
}

// Nobody is left to be answered. What is still pending belongs to clients that have gone.
void Worker::Impl::close_idle_backends() {
  if (context.clients.used() > 0) return;
  fail_backends(Failure::closed);
  settle();
}

bool Worker::finished() const {
  const Context& context = impl_->context;
  if (!context.draining || context.clients.used() > 0 || context.connections.used() > 0)
    return false;
  for (const Pool& pool : context.pools) {
    for (const int fd : pool.listeners) {
      if (fd >= 0) return false;
    }
  }
  return true;
}

WorkerAccounts Worker::accounts() const {
  const Context& context = impl_->context;
  return {context.clients.used(), context.requests.used(), context.connections.used(),
          context.blocks.blocks_in_use(), context.blocks.bytes_in_use()};
}

}  // namespace ringfold
