#include "app/worker_thread.h"

#include <sys/prctl.h>
#include <unistd.h>

#include "ringfold/base/assert.h"

namespace ringfold {

Expected<void> RingGate::pass(const std::string* failure) {
  if (failure != nullptr && !has_failed_.exchange(true, std::memory_order_relaxed)) {
    failure_ = *failure;
  }
  arrivals_.arrive_and_wait();
  if (has_failed_.load(std::memory_order_relaxed)) return fail(failure_);
  return {};
}

const std::string* RingGate::await() {
  arrivals_.wait();
  return has_failed_.load(std::memory_order_relaxed) ? &failure_ : nullptr;
}

WorkerThread::WorkerThread(const Inputs& inputs)
    : inputs_(inputs), outbox_(events_, inputs.wake_fd), thread_([this] { run(); }) {}

WorkerThread::~WorkerThread() {
  RINGFOLD_ASSERT(phase() == Phase::failed || phase() == Phase::finished);
  may_close_.store(true, std::memory_order_release);
  may_close_.notify_one();
  thread_.join();
}

void WorkerThread::send(const ControlMessage& message) {
  if (message.kind == ControlMessage::Kind::reload) {
    std::erase_if(waiting_, [](const auto& entry) {
      return entry.second.kind == ControlMessage::Kind::address;
    });
  }
  waiting_.insert_or_assign({message.kind, message.pool, message.server}, message);
  flush();
}

bool WorkerThread::flush() {
  // Finished in the meantime does no harm: the ring stays open until the destructor.
  if (waiting_.empty() || phase() != Phase::running) return true;
  bool was_pushed = false;
  while (!waiting_.empty() && control_.try_push(ControlMessage(waiting_.begin()->second))) {
    waiting_.erase(waiting_.begin());
    was_pushed = true;
  }
  if (was_pushed) ring_->ring_doorbell();
  return waiting_.empty();
}

bool WorkerThread::nudge() {
  if (phase() != Phase::running) return false;
  nudged_at_ = turns_.load(std::memory_order_relaxed);
  ring_->ring_doorbell();
  return true;
}

bool WorkerThread::has_turned() const {
  return phase() != Phase::running || turns_.load(std::memory_order_relaxed) != nudged_at_;
}

void WorkerThread::enter(Phase phase) {
  phase_.store(phase, std::memory_order_release);
  phase_.notify_all();
  const u64 one = 1;
  // An eventfd write fails only when its counter is full, and then the supervisor is awake already.
  [[maybe_unused]] const ssize_t written = ::write(inputs_.wake_fd, &one, sizeof one);
}

void WorkerThread::run() {
  const std::string name = "ringfold-w" + std::to_string(inputs_.options.index);
  ::prctl(PR_SET_NAME, name.c_str());
  if (auto served = serve(); !served) {
    failure_ = std::move(served.error().text);
    enter(Phase::failed);
  }
}

Expected<void> WorkerThread::serve() {
  const auto ring = open_ring(inputs_.io.ring, inputs_.io);
  const std::string* const failure = ring ? nullptr : &ring.error().text;
  if (auto passed = inputs_.gate.pass(failure); !passed) return passed;
  Worker worker(inputs_.snapshot, **ring, control_, outbox_, inputs_.options);
  if (auto started = worker.start(); !started) return started;
  ring_ = ring->get();
  enter(Phase::running);
  while (!worker.finished()) {
    worker.tick();
    turns_.store(turns_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  enter(Phase::finished);
  // The supervisor may be about to ring the doorbell of a worker it saw running a moment ago.
  may_close_.wait(false, std::memory_order_acquire);
  return {};
}

}  // namespace ringfold
