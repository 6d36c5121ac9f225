#include "backend/null_worker.h"

#include <algorithm>
#include <cerrno>

#include "ringfold/base/assert.h"
#include "ringfold/base/limits.h"

namespace ringfold::backend {

namespace {

// Accepting is tried again so long after an error such as EMFILE.
constexpr Nanos kAcceptRetry = 100 * kMillisecond;

UserData accept_data(u32 listener) {
  return {Op::accept, 0, listener};
}

}  // namespace

NullWorker::NullWorker(const BackendOptions& options, const Store& store, Ring& ring, u32 index)
    : options_(options),
      store_(store),
      ring_(ring),
      is_sabotaged_(options.sabotage.any()),
      is_delayed_(!options.service_time.is_zero() || options.rate_cap > 0),
      prng_(options.seed + 2 * index),
      sabotage_(options.sabotage, options.seed + 2 * index + 1) {
  if (options.rate_cap > 0) turn_length_ = 1e9 * options.threads / options.rate_cap;
}

// The ring may still hold bytes of ours; who owns both destroys the ring first.
NullWorker::~NullWorker() {
  for (u32 index = 0; index < connections_.touched(); ++index) {
    Connection& connection = connections_[index];
    if (connection.state == ConnectionState::free) continue;
    connection.out.clear(blocks_);
    if (connection.carry != nullptr) blocks_.give(connection.carry);
  }
}

Expected<void> NullWorker::listen(std::span<const SharedListener> listeners) {
  for (const auto& [address, shared] : listeners) {
    const ListenOptions options{.backlog = 4096, .shared = shared};
    const Expected<int> fd = ring_.listen(address, options);
    if (!fd) return tl::unexpected(fd.error());
    const u32 listener = static_cast<u32>(listeners_.size());
    listeners_.push_back(*fd);
    ring_.accept(*fd, accept_data(listener));
  }
  return {};
}

bool NullWorker::tick() {
  const Nanos deadline = wait_is_short_ ? 0 : std::min(held_.next_due(), accept_retry_);
  wait_is_short_ = false;
  woken_ = false;
  for (const Completion& completion : ring_.wait(deadline)) {
    dispatch(completion);
    if (completion.buffer != kNoBuffer) ring_.release_buffer(completion.buffer);
  }
  if (is_sabotaged_) put_swap_candidate();
  held_.release(connections_, ring_.now(),
                [this](u32 index) { mark_dirty(index, connections_[index]); });
  if (ring_.now() >= accept_retry_) retry_accepting();
  settle_all();
  flush();
  return woken_;
}

void NullWorker::dispatch(const Completion& completion) {
  const u32 slot = completion.user_data.slot();
  switch (completion.user_data.op()) {
    case Op::client_recv:
      on_received(slot, completion);
      break;
    case Op::client_send:
      on_sent(slot, completion.result);
      break;
    case Op::accept:
      on_accepted(completion);
      break;
    case Op::wake:
      woken_ = true;
      break;
    case Op::backend_connect:
    case Op::backend_recv:
    case Op::backend_send:
    case Op::none:
      break;
  }
}

void NullWorker::on_accepted(const Completion& completion) {
  if (!completion.more) {
    stopped_listeners_.push_back(completion.user_data.slot());
    const bool failed = completion.result < 0;
    accept_retry_ = std::min(accept_retry_, failed ? ring_.now() + kAcceptRetry : ring_.now());
  }
  if (completion.result < 0) return;
  const u32 index = connections_.take();
  if (index == kNone) {
    ring_.close(completion.result);
    return;
  }
  Connection& connection = connections_[index];
  const u32 generation = connection.generation + 1;
  connection = Connection{};
  connection.generation = generation & 0xffffff;
  connection.fd = completion.result;
  connection.state = ConnectionState::open;
  ++counters_.connections;
  arm_receive(index, connection);
}

void NullWorker::retry_accepting() {
  accept_retry_ = kNever;
  for (const u32 listener : stopped_listeners_) {
    ring_.accept(listeners_[listener], accept_data(listener));
  }
  stopped_listeners_.clear();
}

void NullWorker::arm_receive(u32 index, Connection& connection) {
  connection.receiving = true;
  ++connection.operations;
  ring_.recv(connection.fd, {Op::client_recv, connection.generation, index});
}

void NullWorker::on_received(u32 index, const Completion& completion) {
  Connection& connection = connections_[index];
  RINGFOLD_ASSERT(connection.generation == completion.user_data.generation());
  if (!completion.more) {
    connection.receiving = false;
    --connection.operations;
    queue_for_settling(index, connection);
  }
  if (completion.result > 0) {
    if (connection.state == ConnectionState::open) {
      feed(index, {completion.data, static_cast<std::size_t>(completion.result)});
    }
  } else if (completion.result == 0) {
    connection.end_of_stream = true;
  } else if (completion.result != -ENOBUFS && completion.result != -ECANCELED) {
    start_closing(index, connection);
  }
}

void NullWorker::on_sent(u32 index, i32 result) {
  Connection& connection = connections_[index];
  connection.sending = false;
  --connection.operations;
  const bool failed = result < 0;
  connection.out.consume(blocks_, failed ? 0 : static_cast<u64>(result));
  if (connection.state == ConnectionState::closing) {
    queue_for_settling(index, connection);
  } else if (failed) {
    start_closing(index, connection);
  } else {
    if (connection.sendable() > 0) mark_dirty(index, connection);
    if (connection.paused || connection.state != ConnectionState::open) {
      queue_for_settling(index, connection);
    }
  }
}

// Reads no more; what was asked is still answered.
void NullWorker::drain(u32 index, Connection& connection) {
  if (connection.state != ConnectionState::open) return;
  connection.state = ConnectionState::draining;
  queue_for_settling(index, connection);
}

void NullWorker::start_closing(u32 index, Connection& connection) {
  if (connection.state == ConnectionState::closing) return;
  connection.state = ConnectionState::closing;
  if (connection.operations > 0) ring_.cancel_all(connection.fd);
  queue_for_settling(index, connection);
}

void NullWorker::free_connection(u32 index, Connection& connection) {
  held_.drop(connection);
  connection.out.clear(blocks_);
  if (connection.carry != nullptr) blocks_.give(connection.carry);
  connection.carry = nullptr;
  ring_.close(connection.fd);
  connection.fd = -1;
  connection.state = ConnectionState::free;
  connections_.release(index);
}

void NullWorker::mark_dirty(u32 index, Connection& connection) {
  if (connection.dirty) return;
  connection.dirty = true;
  dirty_.push_back(index);
}

void NullWorker::queue_for_settling(u32 index, Connection& connection) {
  if (connection.queued) return;
  connection.queued = true;
  settling_.push_back(index);
}

// What the end of a tick owes a connection: reading on, arming the receive, the next step of its
// end.
void NullWorker::settle(u32 index) {
  Connection& connection = connections_[index];
  if (!connection.queued || connection.state == ConnectionState::free) return;
  connection.queued = false;
  if (connection.state == ConnectionState::open && connection.paused) resume(index);
  if (connection.state == ConnectionState::open && connection.end_of_stream && !connection.paused) {
    drain(index, connection);
  }
  if (connection.state == ConnectionState::draining && connection.out.empty() &&
      !connection.sending) {
    start_closing(index, connection);
  }
  if (connection.state == ConnectionState::closing) {
    if (connection.operations == 0) free_connection(index, connection);
    return;
  }
  if (connection.state != ConnectionState::open) return;
  if (!connection.receiving && !connection.end_of_stream && !connection.paused) {
    arm_receive(index, connection);
  }
}

// Settling may queue the same connection again: what it is owed then is due in the next tick, which
// comes when its operations end.
void NullWorker::settle_all() {
  for (std::size_t i = 0; i < settling_.size(); ++i) settle(settling_[i]);
  settling_.clear();
}

void NullWorker::flush() {
  for (const u32 index : dirty_) {
    Connection& connection = connections_[index];
    if (!connection.dirty) continue;
    connection.dirty = false;
    const bool may_send =
        connection.state == ConnectionState::open || connection.state == ConnectionState::draining;
    if (!may_send || connection.sending || connection.sendable() == 0) continue;
    iovec vectors[kFlushIovecsMax];
    const std::size_t count =
        connection.out.freeze(vectors, std::min<u64>(kFlushBytesMax, connection.sendable()));
    // A send that is taken whole does not end the next wait; what must go on behind it has to ask.
    if (connection.sendable() > connection.out.frozen() || connection.paused ||
        connection.state != ConnectionState::open) {
      wait_is_short_ = true;
    }
    connection.sending = true;
    ++connection.operations;
    ring_.send(connection.fd, std::span(vectors, count),
               {Op::client_send, connection.generation, index});
  }
  dirty_.clear();
}

}  // namespace ringfold::backend
