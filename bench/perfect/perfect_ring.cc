#include "perfect_ring.h"

#include "ringfold/base/assert.h"

namespace ringfold::perfect {

int PerfectRing::open_descriptor() {
  descriptors_.emplace_back();
  return static_cast<int>(descriptors_.size() - 1);
}

int PerfectRing::connect_client() {
  const int fd = open_descriptor();
  Completion accepted;
  accepted.user_data = at(listeners_.front()).receive;
  accepted.result = fd;
  accepted.more = true;
  arrivals_.push_back(accepted);
  return fd;
}

void PerfectRing::arrive(const Descriptor& descriptor, std::string_view bytes) {
  Completion received;
  received.user_data = descriptor.receive;
  received.result = static_cast<i32>(bytes.size());
  received.buffer = 0;
  received.more = true;
  received.data = bytes.data();
  arrivals_.push_back(received);
}

void PerfectRing::deliver(int fd, std::string_view bytes) {
  arrive(at(fd), bytes);
}

void PerfectRing::answer_always(int fd, u64 bytes_sent, std::string_view reply) {
  at(fd).answered_at = bytes_sent;
  at(fd).answer = reply;
  at(fd).sent = 0;
}

Expected<int> PerfectRing::listen(const Address&, const ListenOptions&) {
  listeners_.push_back(open_descriptor());
  return listeners_.back();
}

int PerfectRing::open_socket(const Address&, bool) {
  outgoing_.push_back(open_descriptor());
  return outgoing_.back();
}

void PerfectRing::connect(int, const Address&, UserData user_data) {
  Completion connected;
  connected.user_data = user_data;
  done_.push_back(connected);
}

void PerfectRing::send(int fd, std::span<const iovec> vectors, UserData user_data) {
  Descriptor& descriptor = at(fd);
  u64 size = 0;
  for (const iovec& vector : vectors) {
    size += vector.iov_len;
    if (is_recording_) {
      descriptor.recorded.append(static_cast<const char*>(vector.iov_base), vector.iov_len);
    }
  }
  descriptor.sent_total += size;
  descriptor.sent += size;
  Completion sent;
  sent.user_data = user_data;
  sent.result = static_cast<i32>(size);
  done_.push_back(sent);
  if (descriptor.answered_at == 0 || descriptor.sent < descriptor.answered_at) return;
  RINGFOLD_ASSERT(descriptor.sent == descriptor.answered_at);
  descriptor.sent = 0;
  arrive(descriptor, descriptor.answer);
}

// Nothing is ever under way, so there is nothing to stop but receiving.
void PerfectRing::cancel(UserData user_data) {
  Completion cancelled;
  cancelled.user_data = user_data;
  cancelled.result = -ECANCELED;
  arrivals_.push_back(cancelled);
}

void PerfectRing::cancel_all(int fd) {
  cancel(at(fd).receive);
}

std::span<const Completion> PerfectRing::wait(Nanos) {
  now_ += kTick;
  returned_.clear();
  returned_.swap(done_);
  returned_.insert(returned_.end(), arrivals_.begin(), arrivals_.end());
  arrivals_.clear();
  if (is_rung_) {
    is_rung_ = false;
    returned_.emplace_back().user_data = UserData(Op::wake, 0, 0);
  }
  return returned_;
}

}  // namespace ringfold::perfect
