#include "core/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/context.h"
#include "core/listening.h"
#include "core/reload.h"
#include "core/stages.h"
#include "core/writer.h"

namespace ringfold {

struct Worker::Impl {
  Impl(const Snapshot& snapshot, Ring& ring, ControlRing& control_in, Outbox& outbox,
       const WorkerOptions& options)
      : context(snapshot, ring, outbox, options.index, options.seed), control(control_in) {}

  Context context;
  ControlRing& control;
  Nanos abort_at = kNever;  // the drain has taken too long: clients are aborted then

  void dispatch(const Completion& completion);
  void take_control_messages();
  void reload(const Snapshot& snapshot);
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

// Enough for an error line to leave; the kernel delivers what it has taken even after a close. Part
// of the time in which the process has to be gone, so short.
constexpr Nanos kCutOffGrace = 100 * kMillisecond;

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

}  // namespace

Worker::Worker(const Snapshot& snapshot, Ring& ring, ControlRing& control, Outbox& outbox,
               const WorkerOptions& options)
    : impl_(std::make_unique<Impl>(snapshot, ring, control, outbox, options)) {}

Worker::~Worker() = default;

Expected<void> Worker::start() {
  return take_snapshot(impl_->context, *impl_->context.snapshot);
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
  if (end_removed_pools(context)) impl_->settle();
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
      on_accepted(context, completion);
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
      case ControlMessage::Kind::reload:
        reload(*message.snapshot);
        break;
      case ControlMessage::Kind::address:
        set_server_address(context, context.slot_of_place[message.pool], message.server,
                           message.address);
        break;
    }
  }
}

// What is on its way out keeps what it has.
void Worker::Impl::reload(const Snapshot& snapshot) {
  if (context.draining) return;
  if (auto taken = take_snapshot(context, snapshot); !taken) {
    context.outbox.log(LogLevel::error, taken.error().text);
  }
}

// Accepts nobody, answers what was asked, closes each client when it has its answers.
void Worker::Impl::start_drain() {
  if (context.draining) return;
  context.draining = true;
  for (u16 pool = 0; pool < context.pools.size(); ++pool) stop_listeners(context, pool);
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
  restart_listeners(context);
  for (u16 pool = 0; pool < context.pools.size(); ++pool) {
    for (u32 backend = 0; backend < context.pools[pool].backends.size(); ++backend) {
      for (const u32 index : context.pools[pool].backends[backend].connections) {
        if (index != kNone) next = std::min(next, expire_connection(context, index));
      }
      if (backend < context.pools[pool].server_count())
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
  for (u16 pool = 0; pool < context.pools.size(); ++pool) {
    if (!has_no_listener(context, pool)) return false;
  }
  return true;
}

WorkerAccounts Worker::accounts() const {
  const Context& context = impl_->context;
  return {context.clients.used(), context.requests.used(), context.connections.used(),
          context.blocks.blocks_in_use(), context.blocks.bytes_in_use()};
}

}  // namespace ringfold
