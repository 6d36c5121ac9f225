// UringSends: the sends of the current tick, and which of them are complete although no completion
// says so.
//
// The rule (measured on Linux 6.18, checked at start-up by probe_uring): a send with MSG_WAITALL |
// MSG_DONTWAIT and CQE_SKIP_SUCCESS is tried once, within the system call that submits it. If all
// bytes fit, no completion is posted; otherwise one is: the short count, -EAGAIN or the error. So
// once everything is submitted and the completion queue has been read to its end, without an
// overflow, a send that was not answered is complete.
//
// Where the kernel does not keep the rule, each send is a plain MSG_WAITALL with its completion,
// and nothing is remembered here.
#pragma once

#include <liburing.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <memory>
#include <span>
#include <vector>

#include "ringfold/base/ints.h"
#include "ringfold/io/ring.h"

namespace ringfold {

// Objects that stay where they are until clear(), which keeps the memory for the next time.
template <class T>
class StableArena {
 public:
  // Requires: count <= kBlockCount. The objects hold whatever was there before.
  T* take(std::size_t count) {
    if (blocks_.empty() || used_ + count > kBlockCount) {
      if (!blocks_.empty()) ++current_;
      if (current_ >= blocks_.size()) blocks_.push_back(std::make_unique<T[]>(kBlockCount));
      used_ = 0;
    }
    T* const taken = blocks_[current_].get() + used_;
    used_ += count;
    return taken;
  }
  void clear() { current_ = used_ = 0; }

  static constexpr std::size_t kBlockCount = 1024;

 private:
  std::vector<std::unique_ptr<T[]>> blocks_;
  std::size_t current_ = 0;
  std::size_t used_ = 0;
};

class UringSends {
 public:
  UringSends(bool skip_success, bool vectorized)
      : skip_success_(skip_success), vectorized_(vectorized) {}

  // Fills entry with a send. The array is copied; the bytes are the caller's until the completion.
  // tag: what the entry's user_data carries, besides the index of the send, under the skip rule.
  void prepare(io_uring_sqe* entry, int fd, std::span<const iovec> vectors, UserData user_data,
               u64 tag);

  // Sends whose outcome resolve() will tell.
  u32 count() const { return static_cast<u32>(sends_.size()); }

  // A cancellation was prepared: earlier sends of the tick that it names, and which find their
  // socket full, are not tried again.
  void on_cancel(UserData user_data);
  void on_cancel_all(int fd);

  // A completion for the send with this index. True: out is its completion for the caller. False:
  // the socket was full, and the send will be tried again by prepare_retries().
  [[nodiscard]] bool on_completion(u32 index, i32 result, Completion& out);

  // Writes the completions of all sends without one so that the last stands just before end, and
  // returns how many. Requires: room for count(), and the conditions of the rule above. Ends the
  // tick's sends but for those to be tried again.
  u32 resolve(Completion* end);

  // Submits again, now waiting in the kernel, what found its socket full. next_entry() gives an
  // entry. Called after resolve() and before the first send of the next tick.
  template <class NextEntry>
  void prepare_retries(NextEntry&& next_entry) {
    if (retries_.empty()) {
      clear_storage();
      return;
    }
    // The arrays move out of the storage that is about to be reused.
    std::vector<iovec> vectors;
    for (const Retry& retry : retries_) {
      vectors.insert(vectors.end(), retry.vectors, retry.vectors + retry.vector_count);
    }
    clear_storage();
    std::span<const iovec> rest(vectors);
    for (const Retry& retry : retries_) {
      prepare_waiting(next_entry(), retry.fd, rest.first(retry.vector_count), retry.user_data);
      rest = rest.subspan(retry.vector_count);
    }
    retries_.clear();
  }

 private:
  struct Send {
    UserData user_data;
    const iovec* vectors = nullptr;
    u32 vector_count = 0;
    i32 total = 0;  // bytes
    int fd = -1;
    bool answered = false;  // a completion came
  };
  struct Retry {
    UserData user_data;
    const iovec* vectors = nullptr;
    u32 vector_count = 0;
    int fd = -1;
  };
  struct Cancellation {
    UserData user_data;
    int fd = -1;  // -1: the operation named by user_data, else all of fd's
    u32 sends_before = 0;
  };

  void prepare_waiting(io_uring_sqe* entry, int fd, std::span<const iovec> vectors,
                       UserData user_data);
  const iovec* fill(io_uring_sqe* entry, int fd, std::span<const iovec> vectors, int flags);
  bool is_cancelled(u32 index) const;
  void clear_storage();

  const bool skip_success_;
  const bool vectorized_;
  std::vector<Send> sends_;
  u32 answered_count_ = 0;
  std::vector<Retry> retries_;
  std::vector<Cancellation> cancellations_;
  StableArena<iovec> vectors_;
  StableArena<msghdr> headers_;
};

}  // namespace ringfold
