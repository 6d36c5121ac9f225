// UringQueue: the submission and completion queues of one ring, and the system call between them.
// It knows nothing of sockets or buffers. Setting up and mapping is liburing's work; entering the
// kernel is done here, because liburing 2.3 cannot pass the flags of newer kernels.
//
// All calls are from the thread that opened it, the destructor too: the ring's registered
// descriptor belongs to that thread.
#pragma once

#include <liburing.h>

#include "io/uring_kernel.h"
#include "ringfold/base/ints.h"

namespace ringfold {

class UringQueue {
 public:
  struct Setup {
    u32 submission_entries = 0;
    u32 completion_entries = 0;  // at least submission_entries
    bool defer_taskrun = false;  // else COOP_TASKRUN
    bool registered_ring = false;
    bool no_iowait = false;
  };

  UringQueue() = default;
  ~UringQueue();
  UringQueue(const UringQueue&) = delete;
  UringQueue& operator=(const UringQueue&) = delete;

  // 0 or -errno; -EINVAL: this kernel lacks what setup asks for. Once per object.
  [[nodiscard]] int open(const Setup& setup);

  // 0 or -errno: whether this process may enter the ring at all, which a security policy decides
  // apart from opening it. Where this fails nothing below may be called.
  [[nodiscard]] int try_enter();

  io_uring& ring() { return ring_; }
  bool has_feature(u32 feature) const { return (ring_.features & feature) != 0; }

  // A cleared entry. When the queue is full, what was prepared is submitted first.
  [[nodiscard]] io_uring_sqe* next_entry();

  // Hands everything prepared to the kernel without waiting or running its deferred work.
  void submit();

  // Hands everything prepared to the kernel, then waits for a completion, but not longer than
  // timeout (kNever: as long as it takes; 0: not at all). May return early.
  void submit_and_wait(Nanos timeout);

  // Runs deferred work and moves completions from the kernel's overflow list into the queue.
  void run_task_work();

  // Deferred work is left (the kernel does at most 20 items a call since 6.13).
  bool has_task_work() const { return (flags() & IORING_SQ_TASKRUN) != 0; }

  // Completions wait outside the full queue: not seeing one means nothing now.
  bool has_overflow() const { return (flags() & IORING_SQ_CQ_OVERFLOW) != 0; }

  // Calls take(const io_uring_cqe&) for each completion in the queue and frees their places.
  template <class Take>
  void take_completions(Take&& take) {
    const u32 first = *ring_.cq.khead;
    const u32 last = io_uring_smp_load_acquire(ring_.cq.ktail);
    for (u32 index = first; index != last; ++index) {
      take(ring_.cq.cqes[index & ring_.cq.ring_mask]);
    }
    io_uring_smp_store_release(ring_.cq.khead, last);
  }

 private:
  u32 flags() const { return io_uring_smp_load_acquire(ring_.sq.kflags); }
  u32 unsubmitted() const { return ring_.sq.sqe_tail - io_uring_smp_load_acquire(ring_.sq.khead); }
  int enter(u32 to_submit, u32 wait_count, u32 flags, void* argument, std::size_t argument_size);

  io_uring ring_{};
  bool opened_ = false;
  u32 enter_flags_ = 0;  // those of every enter
};

}  // namespace ringfold
