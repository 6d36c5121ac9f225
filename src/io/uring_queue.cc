#include "io/uring_queue.h"

#include <algorithm>
#include <cerrno>

#include "ringfold/base/assert.h"

namespace ringfold {

UringQueue::~UringQueue() {
  // Also gives back the registered descriptor, of which a thread has only 16.
  if (opened_) io_uring_queue_exit(&ring_);
}

int UringQueue::open(const Setup& setup) {
  RINGFOLD_ASSERT(!opened_);
  io_uring_params parameters{};
  // SUBMIT_ALL: a bad entry gets its error as a completion and does not stop those behind it.
  // CLAMP: sizes beyond the kernel's limits are cut, not refused. Without DEFER_TASKRUN,
  // COOP_TASKRUN at least keeps completions from interrupting the thread (+50 % CPU measured at
  // partial load). TASKRUN_FLAG makes waiting work visible in the flags.
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP |
                     IORING_SETUP_CQSIZE | IORING_SETUP_TASKRUN_FLAG |
                     (setup.defer_taskrun ? IORING_SETUP_DEFER_TASKRUN : IORING_SETUP_COOP_TASKRUN);
  parameters.cq_entries = setup.completion_entries;
  const int error = io_uring_queue_init_params(setup.submission_entries, &ring_, &parameters);
  if (error < 0) return error;
  opened_ = true;
  // Entries are always submitted in the order of their places, so the indirection array (absent
  // when a newer liburing does without it) is filled once and for all.
  if (ring_.sq.array != nullptr) {
    for (u32 i = 0; i < ring_.sq.ring_entries; ++i) ring_.sq.array[i] = i;
  }
  if (setup.registered_ring) {
    const int registered = io_uring_register_ring_fd(&ring_);
    if (registered < 0) return registered;
    enter_flags_ |= IORING_ENTER_REGISTERED_RING;
  }
  if (setup.no_iowait) enter_flags_ |= uring::kEnterNoIowait;
  return 0;
}

int UringQueue::try_enter() {
  const u32 ring = static_cast<u32>(ring_.enter_ring_fd);
  return std::min(0, io_uring_enter2(ring, 0, 0, enter_flags_, nullptr, 0));
}

int UringQueue::enter(u32 to_submit, u32 wait_count, u32 flags, void* argument,
                      std::size_t argument_size) {
  const u32 ring = static_cast<u32>(ring_.enter_ring_fd);
  const int result = io_uring_enter2(ring, to_submit, wait_count, flags | enter_flags_,
                                     static_cast<sigset_t*>(argument), argument_size);
  // What remains is the weather: a signal, the timeout, no memory for requests at the moment (the
  // caller comes again). Anything else is a mistake of this program (a foreign thread, a bad flag)
  // or a kernel that had to throw completions away (-EBADR), after which nothing can be trusted.
  RINGFOLD_ASSERT(result >= 0 || result == -EINTR || result == -ETIME || result == -EAGAIN ||
                  result == -EBUSY || result == -ENOMEM);
  return result;
}

io_uring_sqe* UringQueue::next_entry() {
  if (unsubmitted() == ring_.sq.ring_entries) submit();
  io_uring_sqe* const entry = &ring_.sq.sqes[ring_.sq.sqe_tail & ring_.sq.ring_mask];
  ++ring_.sq.sqe_tail;
  *entry = io_uring_sqe{};
  return entry;
}

void UringQueue::submit() {
  io_uring_smp_store_release(ring_.sq.ktail, ring_.sq.sqe_tail);
  // The kernel stops early only when it has no memory for another request; it goes on as soon as it
  // has, and there is nothing this thread could do without it.
  for (u32 left = unsubmitted(); left != 0; left = unsubmitted()) {
    enter(left, 0, 0, nullptr, 0);
  }
}

void UringQueue::submit_and_wait(Nanos timeout) {
  io_uring_smp_store_release(ring_.sq.ktail, ring_.sq.sqe_tail);
  __kernel_timespec limit{};
  io_uring_getevents_arg argument{};
  u32 flags = IORING_ENTER_GETEVENTS;
  if (timeout != kNever && timeout > 0) {
    limit.tv_sec = timeout / kSecond;
    limit.tv_nsec = timeout % kSecond;
    argument.ts = reinterpret_cast<u64>(&limit);
    flags |= IORING_ENTER_EXT_ARG;
  }
  const u32 wait_count = timeout > 0 ? 1 : 0;
  if ((flags & IORING_ENTER_EXT_ARG) != 0) {
    enter(unsubmitted(), wait_count, flags, &argument, sizeof(argument));
  } else {
    enter(unsubmitted(), wait_count, flags, nullptr, 0);
  }
  // After a partial submission the kernel has not waited. The rest is submitted and the caller
  // comes again with its next wait, which is allowed to find nothing.
  if (unsubmitted() != 0) submit();
}

void UringQueue::run_task_work() {
  enter(0, 0, IORING_ENTER_GETEVENTS, nullptr, 0);
}

}  // namespace ringfold
