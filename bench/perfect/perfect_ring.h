// PerfectRing: a Ring on a network that takes no time and never fails, for measuring what stands
// above the ring. Connections succeed, sends are taken whole, and what a peer is to say arrives
// with the next wait(), in the memory where its bytes lie. It makes no system call, and once it has
// grown to its tasks it allocates nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/ints.h"
#include "ringfold/io/ring.h"

namespace ringfold::perfect {

class PerfectRing final : public Ring {
 public:
  // The peers' side.

  // Somebody connects to the first listener. The descriptor that the owner will be given.
  int connect_client();

  // The peer of fd says this. Requires: a receive is armed on it; kReadablePadding bytes behind
  // bytes may be read. Valid until: the wait() after the next.
  void deliver(int fd, std::string_view bytes);

  // From now on the peer of fd says reply whenever it has been sent so many bytes. Requires: as for
  // deliver(); reply outlives the ring.
  void answer_always(int fd, u64 bytes_sent, std::string_view reply);

  // What was sent to the peer of fd so far, if recording was on meanwhile.
  const std::string& recorded(int fd) { return at(fd).recorded; }
  void set_recording(bool on) { is_recording_ = on; }

  u64 bytes_sent(int fd) { return at(fd).sent_total; }

  // The descriptors which the owner opened to connect with, in order.
  const std::vector<int>& outgoing() const { return outgoing_; }

  // The owner's side.
  Expected<int> listen(const Address& address, const ListenOptions& options) override;
  int open_socket(const Address& address, bool keepalive) override;
  void accept(int fd, UserData user_data) override { at(fd).receive = user_data; }
  void connect(int fd, const Address& address, UserData user_data) override;
  void recv(int fd, UserData user_data) override { at(fd).receive = user_data; }
  void send(int fd, std::span<const iovec> vectors, UserData user_data) override;
  void cancel(UserData user_data) override;
  void cancel_all(int fd) override;
  void shutdown_write(int) override {}
  void close(int) override {}
  std::span<const Completion> wait(Nanos deadline) override;
  Nanos now() const override { return now_; }
  void release_buffer(u16) override { ++buffers_released_; }
  void ring_doorbell() override { is_rung_ = true; }

 private:
  // A microsecond a tick: any clock that does not stand still.
  static constexpr Nanos kTick = 1000;

  struct Descriptor {
    UserData receive;
    u64 sent_total = 0;
    u64 sent = 0;         // since the last answer
    u64 answered_at = 0;  // so many bytes bring the answer; 0: none does
    std::string_view answer;
    std::string recorded;
  };

  Descriptor& at(int fd) { return descriptors_[static_cast<std::size_t>(fd)]; }
  int open_descriptor();
  void arrive(const Descriptor& descriptor, std::string_view bytes);

  std::vector<Descriptor> descriptors_;
  std::vector<int> listeners_;
  std::vector<int> outgoing_;
  std::vector<Completion> done_;      // sends and connects, in front of
  std::vector<Completion> arrivals_;  // what is received
  std::vector<Completion> returned_;
  Nanos now_ = kSecond;
  u64 buffers_released_ = 0;
  bool is_recording_ = false;
  bool is_rung_ = false;
};

}  // namespace ringfold::perfect
