// WorkerThread: a worker with its thread, its ring and its mailbox. Created and used by the
// supervisor's thread; everything below the first line of run() happens in the worker's own.
#pragma once

#include <atomic>
#include <cstddef>
#include <latch>
#include <map>
#include <span>
#include <string>
#include <thread>
#include <tuple>

#include "app/io_choice.h"
#include "core/mailbox.h"
#include "core/snapshot.h"
#include "core/worker.h"
#include "ringfold/base/error.h"
#include "ringfold/io/ring.h"

namespace ringfold {

// Where workers meet when each has tried to open its ring: all go on to listen, or none does.
class RingGate {
 public:
  explicit RingGate(u32 workers) : arrivals_(workers) {}

  // A worker without a ring says why; one with a ring passes nullptr. Waits for all the others.
  // The first failure of all, if there is one.
  [[nodiscard]] Expected<void> pass(const std::string* failure);

  // So many workers will not come.
  void excuse(std::size_t workers) { arrivals_.count_down(static_cast<std::ptrdiff_t>(workers)); }

  // Waits for all workers. The first failure, or nullptr.
  [[nodiscard]] const std::string* await();

 private:
  std::latch arrivals_;
  std::atomic<bool> has_failed_{false};
  std::string failure_;  // written by the one who raises has_failed_, before it arrives
};

class WorkerThread {
 public:
  // starting -> running -> finished, or starting -> failed. An event may be dropped when its ring
  // is full, a phase may not, so phases have a place of their own.
  enum class Phase : u8 { starting, running, failed, finished };

  // Requires: snapshot, io, gate and shared_listeners outlive this; wake_fd is an eventfd, written
  // after each event and each change of phase.
  struct Inputs {
    const Snapshot& snapshot;
    const IoChoice& io;
    RingGate& gate;
    std::span<const SharedListener> shared_listeners;
    int wake_fd;
    WorkerOptions options;
  };

  // Starts the thread. It inherits the blocked signals of the caller.
  explicit WorkerThread(const Inputs& inputs);

  // Requires: the phase is failed or finished. Waits for the thread's end.
  ~WorkerThread();
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // Waits until the phase is not starting any more.
  void await_start() const { phase_.wait(Phase::starting, std::memory_order_acquire); }

  Phase phase() const { return phase_.load(std::memory_order_acquire); }

  // Requires: the phase is failed.
  const std::string& failure() const { return failure_; }

  // Sends the message, or keeps it until the worker runs and its ring has room: flush() then. Of
  // two that wait and say the same of the same server the later one counts, so what waits is
  // bounded by the number of servers. A worker that has ended gets nothing.
  void send(const ControlMessage& message);

  // True when nothing waits, or nothing can be done before the phase changes.
  bool flush();

  // Wakes the worker for one turn with nothing to do. False: it does not run.
  bool nudge();

  [[nodiscard]] bool try_pop(WorkerEvent& event) { return events_.try_pop(event); }

 private:
  static constexpr std::size_t kControlCapacity = 64;
  static constexpr std::size_t kEventCapacity = 1024;

  void run();
  [[nodiscard]] Expected<void> serve();
  void enter(Phase phase);

  // Kind first: the end of the process does not wait behind addresses.
  using Subject = std::tuple<ControlMessage::Kind, u16, u16>;

  Inputs inputs_;
  std::map<Subject, ControlMessage> waiting_;  // the supervisor's side; empty nearly always
  ControlRing control_{kControlCapacity};
  SpscRing<WorkerEvent> events_{kEventCapacity};
  Outbox outbox_;
  std::string failure_;   // written before the phase becomes failed
  Ring* ring_ = nullptr;  // written before the phase becomes running; for its doorbell
  std::atomic<bool> may_close_{false};  // the supervisor will not ring the doorbell any more
  std::atomic<Phase> phase_{Phase::starting};
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace ringfold
