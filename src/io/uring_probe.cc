// Finds out what this kernel's io_uring can do by doing it: versions are not asked, since
// distributions carry features back and security policies take them away.
#include "io/uring_probe.h"

#include <liburing.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "io/uring_buffers.h"
#include "io/uring_kernel.h"
#include "io/uring_queue.h"
#include "ringfold/io/ring.h"

namespace ringfold {
namespace {

// The small ring all trials run on.
constexpr u32 kEntries = 16;
constexpr u64 kTrial = 42;

class SocketPair {
 public:
  SocketPair() {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_) != 0) ends_[0] = ends_[1] = -1;
  }
  ~SocketPair() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    close_peer();
  }
  SocketPair(const SocketPair&) = delete;
  SocketPair& operator=(const SocketPair&) = delete;

  bool valid() const { return ends_[0] >= 0; }
  int ours() const { return ends_[0]; }
  int peer() const { return ends_[1]; }
  void close_peer() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2];
};

// What came back for one entry.
struct Outcome {
  u32 count = 0;
  i32 result = 0;  // of the first
  u32 flags = 0;
};

// Submits the prepared entry and takes what is there when the call returns; timeout: also waits.
Outcome run(UringQueue& queue, Nanos timeout) {
  queue.submit_and_wait(timeout);
  Outcome outcome;
  queue.take_completions([&outcome](const io_uring_cqe& completion) {
    if (completion.user_data != kTrial) return;
    if (outcome.count++ > 0) return;
    outcome.result = completion.res;
    outcome.flags = completion.flags;
  });
  return outcome;
}

enum class SendForm : u8 { plain, message, vectorized };

// One send of two halves of bytes in the given form.
Outcome try_send(UringQueue& queue, int fd, SendForm form, std::vector<char>& bytes, int flags,
                 bool skip_success) {
  const std::size_t half = bytes.size() / 2;
  std::array<iovec, 2> vectors = {iovec{bytes.data(), half},
                                  iovec{bytes.data() + half, bytes.size() - half}};
  msghdr header{};
  header.msg_iov = vectors.data();
  header.msg_iovlen = vectors.size();
  io_uring_sqe* const entry = queue.next_entry();
  switch (form) {
    case SendForm::plain:
      io_uring_prep_send(entry, fd, bytes.data(), bytes.size(), flags);
      break;
    case SendForm::message:
      io_uring_prep_sendmsg(entry, fd, &header, static_cast<u32>(flags));
      break;
    case SendForm::vectorized:
      io_uring_prep_send(entry, fd, vectors.data(), vectors.size(), flags);
      entry->ioprio |= uring::kSendVectorized;
      break;
  }
  if (skip_success) entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
  entry->user_data = kTrial;
  return run(queue, 0);
}

bool peer_has(int fd, const char* text) {
  char received[16] = {};
  const ssize_t size = ::recv(fd, received, sizeof(received), MSG_DONTWAIT);
  return size == static_cast<ssize_t>(std::strlen(text)) &&
         std::memcmp(received, text, static_cast<std::size_t>(size)) == 0;
}

// The rule UringSends lives by: whole is silent, short, full and broken are told, all before the
// submitting call returns.
bool skip_rule_holds(UringQueue& queue, SendForm form) {
  constexpr int kFlags = MSG_WAITALL | MSG_DONTWAIT;
  SocketPair pair;
  if (!pair.valid()) return false;
  const int buffer_size = 16 * 1024;
  ::setsockopt(pair.ours(), SOL_SOCKET, SO_SNDBUF, &buffer_size, sizeof(buffer_size));

  std::vector<char> small = {'a', 'b', 'c', 'd'};
  const Outcome whole = try_send(queue, pair.ours(), form, small, kFlags, true);
  if (whole.count != 0 || !peer_has(pair.peer(), "abcd")) return false;

  std::vector<char> large(1_MiB);
  const i32 large_size = static_cast<i32>(large.size());
  const Outcome cut = try_send(queue, pair.ours(), form, large, kFlags, true);
  if (cut.count != 1 || cut.result <= 0 || cut.result >= large_size) return false;

  const Outcome full = try_send(queue, pair.ours(), form, large, kFlags, true);
  if (full.count != 1 || full.result != -EAGAIN) return false;

  pair.close_peer();
  const Outcome broken = try_send(queue, pair.ours(), form, small, kFlags, true);
  return broken.count == 1 && (broken.result == -EPIPE || broken.result == -ECONNRESET);
}

bool can_send_vectorized(UringQueue& queue) {
  SocketPair pair;
  if (!pair.valid()) return false;
  std::vector<char> bytes = {'a', 'b', 'c', 'd'};
  const Outcome outcome =
      try_send(queue, pair.ours(), SendForm::vectorized, bytes, MSG_WAITALL | MSG_DONTWAIT, false);
  return outcome.count == 1 && outcome.result == 4 && peer_has(pair.peer(), "abcd");
}

// Receives twice into one ring of buffers; the ring of queue is spent afterwards. -EINVAL when the
// kernel has no such buffers, -ENOTSUP when it does not behave, or 0.
int try_receive(const UringQueue::Setup& setup, bool incremental) {
  UringBuffers buffers;
  UringQueue queue;
  if (const int error = queue.open(setup); error < 0) return error;
  const UringBuffers::Shape shape{.count = 2, .size = 4096, .incremental = incremental};
  if (const int error = buffers.open(queue, shape); error < 0) return error;
  SocketPair pair;
  if (!pair.valid()) return -errno;
  io_uring_sqe* const entry = queue.next_entry();
  io_uring_prep_recv_multishot(entry, pair.ours(), nullptr, 0, 0);
  entry->flags |= IOSQE_BUFFER_SELECT;
  entry->buf_group = UringBuffers::kGroup;
  entry->user_data = kTrial;

  const u32 wanted =
      IORING_CQE_F_BUFFER | IORING_CQE_F_MORE | (incremental ? uring::kCompletionBufferMore : 0u);
  for (const char letter : {'x', 'y'}) {
    if (::send(pair.peer(), &letter, 1, MSG_NOSIGNAL) != 1) return -errno;
    const Outcome outcome = run(queue, kSecond);
    if (outcome.count == 1 && outcome.result < 0) return outcome.result;
    if (outcome.count != 1 || outcome.result != 1) return -ENOTSUP;
    if ((outcome.flags & wanted) != wanted) return -ENOTSUP;
    const UringBuffers::Received received = buffers.take(outcome.result, outcome.flags);
    if (*received.data != letter) return -ENOTSUP;
    buffers.release(received.buffer);
  }
  return 0;
}

}  // namespace

UringFeatures probe_uring() {
  UringFeatures features;
  if (!survives_uring_calls()) {
    features.reason = describe_kill();
    return features;
  }
  const SetupCircumstances around = setup_circumstances();
  UringQueue::Setup setup{
      .submission_entries = kEntries, .completion_entries = 2 * kEntries, .defer_taskrun = true};
  UringQueue queue;
  int error = queue.open(setup);
  UringQueue without_defer;
  UringQueue* usable = &queue;
  if (error == -EINVAL) {
    setup.defer_taskrun = false;
    usable = &without_defer;
    error = without_defer.open(setup);
  }
  if (error == 0) error = usable->try_enter();
  if (error < 0) {
    features.reason = describe_setup_failure(-error, around);
    return features;
  }
  features.defer_taskrun = setup.defer_taskrun;

  // NODROP: completions are never lost; SUBMIT_STABLE: arrays may go once they are submitted;
  // CQE_SKIP: cancellations are silent; EXT_ARG: waits have a limit.
  for (const u32 needed :
       {IORING_FEAT_NODROP, IORING_FEAT_SUBMIT_STABLE, IORING_FEAT_CQE_SKIP, IORING_FEAT_EXT_ARG}) {
    if (!usable->has_feature(needed)) {
      features.reason = describe_setup_failure(EINVAL, around);
      return features;
    }
  }
  features.no_iowait = usable->has_feature(uring::kFeatureNoIowait);

  error = try_receive(setup, /*incremental=*/true);
  features.incremental_buffers = error == 0;
  if (error != 0) error = try_receive(setup, /*incremental=*/false);
  if (error != 0) {
    features.reason = describe_buffer_failure(-error, around);
    return features;
  }
  features.multishot_recv = true;

  features.send_vectorized = can_send_vectorized(*usable);
  features.send_skip_success =
      skip_rule_holds(*usable, SendForm::plain) && skip_rule_holds(*usable, SendForm::message) &&
      (!features.send_vectorized || skip_rule_holds(*usable, SendForm::vectorized));
  UringQueue registered;
  setup.registered_ring = true;
  features.registered_ring = registered.open(setup) == 0;
  features.available = true;
  return features;
}

std::string to_string(const UringFeatures& features) {
  if (!features.available) return "not available: " + features.reason;
  std::string text = features.defer_taskrun ? "defer_taskrun" : "coop_taskrun";
  text += ", multishot recv";
  text += features.incremental_buffers ? ", incremental buffers" : ", classic buffers";
  text += features.send_skip_success ? ", silent sends" : ", announced sends";
  text += features.send_vectorized ? ", vectorized send" : ", sendmsg";
  if (features.no_iowait) text += ", no_iowait";
  if (features.registered_ring) text += ", registered ring";
  return text;
}

}  // namespace ringfold
