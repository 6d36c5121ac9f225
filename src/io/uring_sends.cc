#include "io/uring_sends.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "io/uring_kernel.h"
#include "ringfold/base/assert.h"
#include "ringfold/base/limits.h"

namespace ringfold {

static_assert(kFlushIovecsMax <= StableArena<iovec>::kBlockCount);

const iovec* UringSends::fill(io_uring_sqe* entry, int fd, std::span<const iovec> vectors,
                              int flags) {
  RINGFOLD_ASSERT(!vectors.empty() && vectors.size() <= kFlushIovecsMax);
  iovec* const kept = vectors_.take(vectors.size());
  std::copy(vectors.begin(), vectors.end(), kept);
  // An io_uring send raises no SIGPIPE, so MSG_NOSIGNAL is not needed.
  if (vectors.size() == 1) {
    io_uring_prep_send(entry, fd, kept->iov_base, kept->iov_len, flags);
  } else if (vectorized_) {
    io_uring_prep_send(entry, fd, kept, vectors.size(), flags);
    entry->ioprio |= uring::kSendVectorized;
  } else {
    msghdr* const header = headers_.take(1);
    *header = msghdr{};
    header->msg_iov = kept;
    header->msg_iovlen = vectors.size();
    io_uring_prep_sendmsg(entry, fd, header, static_cast<u32>(flags));
  }
  return kept;
}

void UringSends::prepare_waiting(io_uring_sqe* entry, int fd, std::span<const iovec> vectors,
                                 UserData user_data) {
  fill(entry, fd, vectors, MSG_WAITALL);
  entry->user_data = user_data.value();
}

void UringSends::prepare(io_uring_sqe* entry, int fd, std::span<const iovec> vectors,
                         UserData user_data, u64 tag) {
  if (!skip_success_) {
    prepare_waiting(entry, fd, vectors, user_data);
    return;
  }
  std::size_t total = 0;
  for (const iovec& vector : vectors) {
    RINGFOLD_DEBUG_ASSERT(vector.iov_len > 0);
    total += vector.iov_len;
  }
  RINGFOLD_ASSERT(total > 0);
  RINGFOLD_ASSERT(total <= static_cast<std::size_t>(std::numeric_limits<i32>::max()));
  const iovec* const kept = fill(entry, fd, vectors, MSG_WAITALL | MSG_DONTWAIT);
  entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
  entry->user_data = tag | count();
  sends_.push_back({user_data, kept, static_cast<u32>(vectors.size()), static_cast<i32>(total), fd,
                    /*answered=*/false});
}

void UringSends::on_cancel(UserData user_data) {
  if (count() != 0) cancellations_.push_back({user_data, -1, count()});
}

void UringSends::on_cancel_all(int fd) {
  if (count() != 0) cancellations_.push_back({UserData(), fd, count()});
}

bool UringSends::is_cancelled(u32 index) const {
  const Send& send = sends_[index];
  return std::any_of(cancellations_.begin(), cancellations_.end(), [&](const Cancellation& it) {
    const bool named =
        it.fd == -1 ? it.user_data.value() == send.user_data.value() : it.fd == send.fd;
    return named && index < it.sends_before;
  });
}

bool UringSends::on_completion(u32 index, i32 result, Completion& out) {
  RINGFOLD_ASSERT(index < sends_.size());
  Send& send = sends_[index];
  RINGFOLD_ASSERT(!send.answered);
  send.answered = true;
  ++answered_count_;
  if (result == -EAGAIN) {
    // The cancellation ran in the kernel before this send is back in it, so it is heeded here.
    if (!is_cancelled(index)) {
      retries_.push_back({send.user_data, send.vectors, send.vector_count, send.fd});
      return false;
    }
    result = -ECANCELED;
  }
  out = Completion{};
  out.user_data = send.user_data;
  out.result = result;
  return true;
}

u32 UringSends::resolve(Completion* end) {
  const u32 complete = count() - answered_count_;
  Completion* out = end - complete;
  for (const Send& send : sends_) {
    if (send.answered) continue;
    *out = Completion{};
    out->user_data = send.user_data;
    out->result = send.total;
    ++out;
  }
  RINGFOLD_ASSERT(out == end);
  sends_.clear();
  answered_count_ = 0;
  cancellations_.clear();
  return complete;
}

void UringSends::clear_storage() {
  vectors_.clear();
  headers_.clear();
}

}  // namespace ringfold
