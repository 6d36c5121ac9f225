// Receiving and accepting through the real kernel, in every mode.
#include <sys/resource.h>

#include <map>

#include "ring_fixture.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

// Receives from several sockets, arming again what the ring stopped, until each has brought what it
// should.
class Receivers {
 public:
  explicit Receivers(TestRing& ring) : ring_(ring) {}

  void arm(u32 slot, int fd) {
    streams_[slot].fd = fd;
    ring_->recv(fd, recv_of(slot));
  }
  void expect(u32 slot, std::string_view bytes) { streams_[slot].expected += bytes; }

  void run() {
    while (!complete()) take(ring_.next());
    for (const auto& entry : streams_) {
      const u32 slot = entry.first;
      CAPTURE(slot);
      CHECK((entry.second.received == entry.second.expected));
    }
  }
  void stop() {
    for (auto& [slot, stream] : streams_) ring_->cancel(recv_of(slot));
    for (std::size_t left = streams_.size(); left > 0;) {
      const Completion completion = ring_.next();
      ring_.release(completion);
      left -= completion.more ? 0 : 1;
    }
  }
  u64 completions() const { return completions_; }
  u64 starved() const { return starved_; }
  u64 stopped() const { return stopped_; }

 private:
  struct Stream {
    int fd = -1;
    std::string expected;
    std::string received;
  };

  void take(const Completion& completion) {
    ++completions_;
    REQUIRE(completion.user_data.op() == Op::client_recv);
    REQUIRE(completion.user_data.generation() == 7);
    Stream& stream = streams_.at(completion.user_data.slot());
    const bool fine = completion.result > 0 || completion.result == -ENOBUFS;
    REQUIRE_MESSAGE(fine, completion.result);
    stream.received += ring_.take(completion);
    starved_ += completion.result == -ENOBUFS;
    if (completion.more) return;
    ++stopped_;
    ring_->recv(stream.fd, completion.user_data);
  }
  bool complete() const {
    for (const auto& [slot, stream] : streams_) {
      if (stream.received.size() < stream.expected.size()) return false;
    }
    return true;
  }

  TestRing& ring_;
  std::map<u32, Stream> streams_;
  u64 completions_ = 0;
  u64 starved_ = 0;
  u64 stopped_ = 0;
};

}  // namespace

TEST_CASE("a connection is accepted and echoes, over TCP, IPv6 and unix sockets, in every mode") {
  TemporaryFolder folder;
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    for (const Address& wanted : {*resolve_address("127.0.0.1", 0), *resolve_address("::1", 0),
                                  *unix_address(folder.file(std::string("echo ") + mode.name))}) {
      CAPTURE(to_string(wanted));
      auto listener = ring->listen(wanted, {});
      REQUIRE_MESSAGE(listener.has_value(), listener.error().text);
      const UserData accepting(Op::accept, 1, 2);
      ring->accept(*listener, accepting);

      for (int round = 0; round < 3; ++round) {
        Socket client = connect_to(bound_address(*listener));
        const Completion accepted = ring.next();
        REQUIRE(accepted.user_data.value() == accepting.value());
        REQUIRE(accepted.result >= 0);
        CHECK(accepted.more);
        CHECK(accepted.buffer == kNoBuffer);
        const int fd = accepted.result;
        ring->recv(fd, recv_of(9));
        client.write("hello");
        const Completion received = ring.next();
        CHECK(received.user_data.value() == recv_of(9).value());
        CHECK(received.more);
        const std::string bytes = ring.take(received);
        CHECK(bytes == "hello");
        ring.send(fd, bytes, send_of(9));
        Completion sent;
        REQUIRE(ring.next_if_any(sent));
        CHECK(sent.user_data.value() == send_of(9).value());
        CHECK(sent.result == 5);
        CHECK_FALSE(sent.more);
        CHECK(client.read(5) == "hello");

        ::shutdown(client.get(), SHUT_WR);
        const Completion end = ring.next();
        CHECK(end.user_data.value() == recv_of(9).value());
        CHECK(end.result == 0);
        CHECK_FALSE(end.more);
        CHECK(end.buffer == kNoBuffer);
        ring->shutdown_write(fd);
        CHECK(client.at_end());
        ring->close(fd);
      }
      ring->cancel(accepting);
      const Completion cancelled = ring.next();
      CHECK(cancelled.result == -ECANCELED);
      CHECK_FALSE(cancelled.more);
      ring->close(*listener);
    }
  }
}

TEST_CASE("accepted sockets have the listener's options") {
  for (const Mode& mode : both_rings()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    auto listener = ring->listen(*resolve_address("127.0.0.1", 0), {});
    REQUIRE(listener.has_value());
    ring->accept(*listener, UserData(Op::accept, 0, 0));
    Socket client = connect_to(bound_address(*listener));
    Socket accepted(ring.next().result);
    for (const auto& [level, option] : {std::pair<int, int>(IPPROTO_TCP, TCP_NODELAY),
                                        std::pair<int, int>(SOL_SOCKET, SO_KEEPALIVE)}) {
      int value = 0;
      socklen_t size = sizeof(value);
      REQUIRE(::getsockopt(accepted.get(), level, option, &value, &size) == 0);
      CHECK(value != 0);
    }
    CHECK((::fcntl(accepted.get(), F_GETFD) & FD_CLOEXEC) != 0);
    ring->cancel_all(*listener);
    CHECK(ring.next().result == -ECANCELED);
    ring->close(*listener);
  }
}

TEST_CASE("a flood on one socket passes the fairness bound of 33 completions, in order") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    RingOptions options = TestRing::small_options();
    options.buffer_size = 64;
    options.buffer_count = 256;
    options.classic_buffer_size = 64;
    options.classic_buffer_count = 256;
    TestRing ring(mode, options);
    Pair pair = tcp_pair();
    Prng prng(1);
    Receivers receivers(ring);
    const std::string bytes = random_bytes(prng, 64 * 120);
    pair.peer.write(bytes);
    receivers.expect(1, bytes);
    receivers.arm(1, pair.ours.get());
    receivers.run();
    CHECK(receivers.completions() > 33);
    receivers.stop();
  }
}

TEST_CASE("many sockets share the buffers and each gets exactly its own bytes") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    Prng prng(3);
    Receivers receivers(ring);
    std::vector<Pair> pairs;
    for (u32 slot = 0; slot < 50; ++slot) {
      pairs.push_back(slot % 2 == 0 ? tcp_pair() : unix_pair());
      receivers.arm(slot, pairs.back().ours.get());
    }
    for (int round = 0; round < 30; ++round) {
      for (u32 slot = 0; slot < pairs.size(); ++slot) {
        if (prng.chance(1, 3)) continue;
        const std::string bytes = random_bytes(prng, 1 + prng.below(prng.chance(1, 8) ? 9000 : 80));
        pairs[slot].peer.write(bytes);
        receivers.expect(slot, bytes);
      }
      receivers.run();
    }
    receivers.stop();
  }
}

TEST_CASE("bytes that were not released stay while the kernel goes on receiving") {
  for (const Mode& mode : both_rings()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    Pair pair = tcp_pair();
    ring->recv(pair.ours.get(), recv_of(1));
    pair.peer.write("keep me");
    const Completion kept = ring.next();
    REQUIRE(kept.result == 7);
    for (int i = 0; i < 40; ++i) {
      pair.peer.write(std::string(500, static_cast<char>('a' + i % 26)));
      for (std::size_t left = 500; left > 0;) left -= ring.take(ring.next()).size();
    }
    CHECK(std::string(kept.data, 7) == "keep me");
    ring.release(kept);
    ring.stop(recv_of(1));
  }
}

TEST_CASE("without a free buffer a receive ends with ENOBUFS and loses nothing") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    RingOptions options = TestRing::small_options();
    options.buffer_count = options.classic_buffer_count = 2;
    options.buffer_size = options.classic_buffer_size = 64;
    TestRing ring(mode, options);
    Pair pair = tcp_pair();
    Prng prng(4);
    const std::string bytes = random_bytes(prng, 300);
    pair.peer.write(bytes);
    ::shutdown(pair.peer.get(), SHUT_WR);
    ring->recv(pair.ours.get(), recv_of(1));
    std::string received;
    int starved = 0;
    for (bool ended = false; !ended;) {
      std::vector<Completion> held;
      for (bool more = true; more;) {
        const Completion completion = ring.next();
        more = completion.more;
        if (completion.result > 0) {
          held.push_back(completion);
          continue;
        }
        CHECK(completion.buffer == kNoBuffer);
        ended = completion.result == 0;
        if (!ended) REQUIRE(completion.result == -ENOBUFS);
        starved += !ended;
      }
      for (const Completion& completion : held) received += ring.take(completion);
      if (!ended) ring->recv(pair.ours.get(), recv_of(1));
    }
    CHECK(starved >= 2);
    CHECK(received == bytes);
  }
}

TEST_CASE("a reset arrives as ECONNRESET without a buffer") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    Pair pair = tcp_pair();
    ring->recv(pair.ours.get(), recv_of(1));
    REQUIRE(ring.quiet());
    pair.peer.reset_hard();
    const Completion completion = ring.next();
    CHECK(completion.result == -ECONNRESET);
    CHECK_FALSE(completion.more);
    CHECK(completion.buffer == kNoBuffer);
  }
}

TEST_CASE("behind the bytes of the last buffer there is readable padding") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    RingOptions options = TestRing::small_options();
    // Both fill their pages exactly, so that without padding the memory would end with the data.
    options.buffer_count = options.classic_buffer_count = 1;
    options.buffer_size = options.classic_buffer_size = 4096;
    TestRing ring(mode, options);
    Pair pair = unix_pair();
    pair.peer.write(std::string(4096, 'x'));
    ring->recv(pair.ours.get(), recv_of(1));
    const Completion completion = ring.next();
    REQUIRE(completion.result == 4096);
    u32 sum = 0;
    const volatile char* behind = completion.data + completion.result;
    for (std::size_t i = 0; i < kReadablePadding; ++i) sum += static_cast<u32>(behind[i] != 0);
    CHECK(sum <= kReadablePadding);
    ring.release(completion);
    ring.stop(recv_of(1));
  }
}

TEST_CASE("a completion queue of 8 overflows and nothing is lost") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    RingOptions options = TestRing::small_options();
    options.submission_entries = 8;
    options.completion_entries = 8;
    TestRing ring(mode, options);
    Prng prng(5);
    Receivers receivers(ring);
    std::vector<Pair> pairs;
    for (u32 slot = 0; slot < 40; ++slot) {
      pairs.push_back(slot % 4 == 0 ? tcp_pair() : unix_pair());
      receivers.arm(slot, pairs.back().ours.get());
    }
    for (int round = 0; round < 10; ++round) {
      for (u32 slot = 0; slot < pairs.size(); ++slot) {
        const std::string bytes = random_bytes(prng, 1 + prng.below(2000));
        pairs[slot].peer.write(bytes);
        receivers.expect(slot, bytes);
      }
      receivers.run();
    }
    // epoll has no such queue.
    CHECK((receivers.stopped() > 0 || mode.is_epoll));
    receivers.stop();
  }
}

TEST_CASE("two thousand sockets that become readable at once are all served") {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    RingOptions options;  // the product's sizes
    TestRing ring(mode, options);
    Prng prng(6);
    Receivers receivers(ring);
    std::vector<Pair> pairs;
    for (u32 slot = 0; slot < 2000; ++slot) {
      pairs.push_back(unix_pair());
      receivers.arm(slot, pairs.back().ours.get());
    }
    REQUIRE(ring.quiet());
    for (int round = 0; round < 2; ++round) {
      for (u32 slot = 0; slot < pairs.size(); ++slot) {
        const std::string bytes = random_bytes(prng, 1 + prng.below(100));
        pairs[slot].peer.write(bytes);
        receivers.expect(slot, bytes);
      }
      receivers.run();
    }
    receivers.stop();
  }
}

TEST_CASE("one wait brings more than the 20 items a kernel call hands out") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode, RingOptions());
    constexpr u32 kSockets = 100;
    std::vector<Pair> pairs;
    for (u32 slot = 0; slot < kSockets; ++slot) {
      pairs.push_back(unix_pair());
      ring->recv(pairs.back().ours.get(), recv_of(slot));
    }
    REQUIRE(ring.quiet());
    for (const Pair& pair : pairs) pair.peer.write("x");
    const std::span<const Completion> completions = ring->wait(0);
    CHECK(completions.size() == kSockets);
    for (const Completion& completion : completions) ring.release(completion);
    for (u32 slot = 0; slot < kSockets; ++slot) ring.stop(recv_of(slot));
  }
}

TEST_CASE("accept stops at the limit of descriptors and goes on when armed again") {
  for (const Mode& mode : both_rings()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    auto listener = ring->listen(*resolve_address("127.0.0.1", 0), {});
    REQUIRE(listener.has_value());
    const UserData accepting(Op::accept, 0, 0);
    Socket client = connect_to(bound_address(*listener));

    // The client's own descriptor stands highest, so nothing may be opened above it.
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    std::vector<Socket> fillers;
    while (fillers.empty() || fillers.back().get() < client.get()) {
      fillers.emplace_back(::dup(client.get()));
    }
    rlimit low = limit;
    low.rlim_cur = static_cast<rlim_t>(fillers.back().get()) + 1;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    // The kernel notes the limit when the operation is armed.
    ring->accept(*listener, accepting);
    const Completion refused = ring.next();
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(refused.result == -EMFILE);
    CHECK_FALSE(refused.more);

    ring->accept(*listener, accepting);
    const Completion accepted = ring.next();
    CHECK(accepted.result >= 0);
    CHECK(accepted.more);
    ring->close(accepted.result);
    ring.stop(accepting);
    ring->close(*listener);
  }
}
