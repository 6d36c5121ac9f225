// A real ring with its modes, the sockets around it, and the balance of accounts at its end.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/ring_accounts.h"
#include "io/socket.h"
#include "ringfold/base/prng.h"
#include "ringfold/io/ring.h"

namespace ringfold::test {

inline const UringFeatures& probed() {
  static const UringFeatures features = probe_uring();
  return features;
}

// How a ring may have to work on some kernel.
struct Mode {
  const char* name = "";
  bool is_epoll = false;
  UringFeatures uring;
  EpollFeatures epoll;

  // The whole of a send is tried within its tick, and what did not fit is told.
  bool tells_short_sends() const { return !is_epoll && uring.send_skip_success; }
};

// Both rings at their best.
inline std::vector<Mode> both_rings() {
  REQUIRE_MESSAGE(probed().available, probed().reason);
  REQUIRE(probed().send_skip_success);
  std::vector<Mode> modes(2);
  modes[0].name = "io_uring";
  modes[0].uring = probed();
  modes[1].name = "epoll";
  modes[1].is_epoll = true;
  modes[1].epoll = probe_epoll();
  return modes;
}

// What this kernel offers to an io_uring ring, each feature taken away alone, and all of them
// together; likewise epoll.
inline std::vector<Mode> all_modes() {
  std::vector<Mode> modes = both_rings();
  modes.push_back(modes[1]);
  modes.back().name = "epoll in milliseconds";
  modes.back().epoll.nanosecond_waits = false;
  const auto add = [&modes](const char* name, auto change) {
    modes.push_back(modes[0]);
    modes.back().name = name;
    change(modes.back().uring);
  };
  add("classic buffers", [](UringFeatures& f) { f.incremental_buffers = false; });
  add("announced sends", [](UringFeatures& f) { f.send_skip_success = false; });
  add("sendmsg", [](UringFeatures& f) { f.send_vectorized = false; });
  add("coop_taskrun", [](UringFeatures& f) { f.defer_taskrun = false; });
  add("oldest kernel", [](UringFeatures& f) {
    f.defer_taskrun = f.incremental_buffers = f.send_skip_success = false;
    f.send_vectorized = f.no_iowait = f.registered_ring = false;
  });
  return modes;
}

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) { REQUIRE(fd >= 0); }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket() { reset(); }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int get() const { return fd_; }
  int take() { return std::exchange(fd_, -1); }

  void write(std::string_view bytes) const {
    REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  // What is there now, at most limit bytes.
  std::string read_some(std::size_t limit = 1_MiB) const {
    std::string bytes(limit, '\0');
    const ssize_t size = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size < 0) REQUIRE(errno == EAGAIN);
    bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return bytes;
  }
  // Blocks for exactly count bytes.
  std::string read(std::size_t count) const {
    std::string bytes(count, '\0');
    const ssize_t size = ::recv(fd_, bytes.data(), count, MSG_WAITALL);
    REQUIRE(size == static_cast<ssize_t>(count));
    return bytes;
  }
  bool at_end() const {
    char byte = 0;
    return ::recv(fd_, &byte, 1, 0) == 0;
  }
  // Closing sends a reset.
  void reset_hard() {
    const linger now{1, 0};
    REQUIRE(::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
    reset();
  }

 private:
  int fd_ = -1;
};

inline Address bound_address(int fd) {
  Address address;
  address.length = sizeof(address.storage);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length) == 0);
  return address;
}

inline Socket connect_to(const Address& address) {
  Socket socket(open_socket(address, false));
  REQUIRE(::connect(socket.get(), address.get(), address.length) == 0);
  return socket;
}

// A connected pair: ours is for the ring, peer for the test.
struct Pair {
  Socket ours;
  Socket peer;
};

inline Pair tcp_pair() {
  static const Address any = *resolve_address("127.0.0.1", 0);
  Socket listener(*open_listener(any, {}));
  Pair pair;
  pair.peer = connect_to(bound_address(listener.get()));
  pair.ours = Socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return pair;
}

inline Pair unix_pair() {
  int fds[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  return {Socket(fds[0]), Socket(fds[1])};
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/ringfold-io-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() {
    for (const std::string& file : files_) ::unlink(file.c_str());
    ::rmdir(path_.c_str());
  }
  std::string file(const std::string& name) {
    files_.push_back(path_ + "/" + name);
    return files_.back();
  }

 private:
  std::string path_;
  std::vector<std::string> files_;
};

// A ring and the completions it has brought. At its end all buffers are home.
class TestRing {
 public:
  explicit TestRing(const Mode& mode, const RingOptions& options = small_options())
      : is_epoll_(mode.is_epoll) {
    auto opened = is_epoll_ ? open_epoll(options, mode.epoll) : open_uring(options, mode.uring);
    REQUIRE_MESSAGE(opened.has_value(), opened.error().text);
    ring_ = std::move(*opened);
  }
  ~TestRing() {
    for (const Completion& completion : inbox_) release(completion);
    const RingAccounts accounts = is_epoll_ ? epoll_accounts(*ring_) : uring_accounts(*ring_);
    CHECK(accounts.buffer_references_held == 0);
    CHECK(accounts.buffers_lent == accounts.buffers);
  }

  // Small buffers, so that their ends are met.
  static RingOptions small_options() {
    RingOptions options;
    options.submission_entries = 64;
    options.completion_entries = 256;
    options.buffer_count = 8;
    options.buffer_size = 4096;
    options.classic_buffer_count = 64;
    options.classic_buffer_size = 512;
    return options;
  }

  Ring* operator->() { return ring_.get(); }
  Ring& operator*() { return *ring_; }

  // The next completion, waited for.
  Completion next() {
    const Nanos limit = ring_->now() + 20 * kSecond;
    while (inbox_.empty()) {
      fetch(limit);
      REQUIRE_MESSAGE(ring_->now() < limit, "no completion came");
    }
    const Completion completion = inbox_.front();
    inbox_.pop_front();
    return completion;
  }
  // The next completion if there is one without waiting.
  bool next_if_any(Completion& out) {
    if (inbox_.empty()) fetch(0);
    if (inbox_.empty()) return false;
    out = inbox_.front();
    inbox_.pop_front();
    return true;
  }
  bool quiet() {
    fetch(0);
    return inbox_.empty();
  }
  // The bytes of a receive, its buffer given back.
  std::string take(const Completion& completion) {
    if (completion.result <= 0) {
      CHECK(completion.buffer == kNoBuffer);
      return {};
    }
    REQUIRE(completion.buffer != kNoBuffer);
    std::string bytes(completion.data, static_cast<std::size_t>(completion.result));
    release(completion);
    return bytes;
  }
  void release(const Completion& completion) {
    if (completion.buffer != kNoBuffer) ring_->release_buffer(completion.buffer);
  }
  // Ends a receive and takes what is on its way.
  void stop(UserData user_data) {
    ring_->cancel(user_data);
    for (bool more = true; more;) {
      const Completion completion = next();
      REQUIRE(completion.user_data.value() == user_data.value());
      release(completion);
      more = completion.more;
    }
  }
  void send(int fd, std::string_view bytes, UserData user_data) {
    const iovec vector{const_cast<char*>(bytes.data()), bytes.size()};
    ring_->send(fd, std::span(&vector, 1), user_data);
  }

 private:
  void fetch(Nanos deadline) {
    for (const Completion& completion : ring_->wait(deadline)) inbox_.push_back(completion);
  }

  const bool is_epoll_;
  std::unique_ptr<Ring> ring_;
  std::deque<Completion> inbox_;
};

inline UserData recv_of(u32 slot) {
  return {Op::client_recv, 7, slot};
}
inline UserData send_of(u32 slot) {
  return {Op::client_send, 7, slot};
}

inline std::string random_bytes(Prng& prng, std::size_t count) {
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(prng.next());
  return bytes;
}

}  // namespace ringfold::test
