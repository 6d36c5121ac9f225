// WorkerThread: a worker with its thread, its ring and its mailbox. Created and used by the
// supervisor's thread; everything below the first line of run() happens in the worker's own.
#pragma once

#include <atomic>
#include <cstddef>
#include <latch>
#include <map>
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

  // Requires: io and gate outlive this, snapshot does until another one is applied; wake_fd is an
  // eventfd, written after each event and each change of phase.
  struct Inputs {
    const Snapshot& snapshot;
    const IoChoice& io;
    RingGate& gate;
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
  // bounded by the number of servers; a reload has the present addresses, so those that wait are
  // dropped. A worker that has ended gets nothing.
  void send(const ControlMessage& message);

  // The worker needs no snapshot but the one of this generation.
  bool has_applied(u32 generation) const { return outbox_.applied() == generation; }

  // True when nothing waits, or nothing can be done before the phase changes.
  bool flush();

  // Makes the worker turn, soon, whether it has something to do or not. False: it
  // does not run.
  bool nudge();

  // False: it runs, and has not turned since the last nudge().
  bool has_turned() const;

  [[nodiscard]] bool try_pop(WorkerEvent& event) { return events_.try_pop(event); }

 private:
  static constexpr std::size_t kControlCapacity = 64;
  static constexpr std::size_t kEventCapacity = 1024;
  static constexpr u64 kNotNudged = ~u64{0};
  static constexpr std::size_t kCacheLine = 64;

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
  std::string failure_;         // written before the phase becomes failed
  Ring* ring_ = nullptr;        // written before the phase becomes running; for its doorbell
  u64 nudged_at_ = kNotNudged;  // the supervisor's side: turns_ at the last nudge()
  // Written by the worker alone, after each turn; on a line of its own, for the supervisor reads
  // it now and then only.
  alignas(kCacheLine) std::atomic<u64> turns_{0};
  // The supervisor will not ring the doorbell any more.
  alignas(kCacheLine) std::atomic<bool> may_close_{false};
  std::atomic<Phase> phase_{Phase::starting};
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace ringfold
