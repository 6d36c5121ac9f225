// How connections end: what comes in front of an end is delivered, and no end is missed.
#include <atomic>
#include <thread>

#include "io/uring_watches.h"
#include "ring_fixture.h"

using namespace ringfold;
using namespace ringfold::test;

TEST_CASE("a reset right behind data is told behind the data") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    Pair pair = tcp_pair();
    ring->recv(pair.ours.get(), recv_of(1));
    REQUIRE(ring.quiet());
    // Both before the ring looks again, as happens to one that is busy.
    pair.peer.write("last words");
    pair.peer.reset_hard();
    CHECK(ring.take(ring.next()) == "last words");
    const Completion end = ring.next();
    CHECK(end.result == -ECONNRESET);
    CHECK_FALSE(end.more);
  }
}

namespace {

// What one connection does before it ends, chosen by its number.
struct Farewell {
  std::size_t size = 0;   // bytes sent
  u32 pieces = 1;         // in which they are sent
  bool is_reset = false;  // else it just closes
};

Farewell farewell_of(Prng& prng) {
  Farewell farewell;
  farewell.pieces = 1 + static_cast<u32>(prng.below(3));
  farewell.size = farewell.pieces + prng.below(prng.chance(1, 4) ? 6000 : 60);
  farewell.is_reset = prng.chance(1, 2);
  return farewell;
}

// Connects, speaks and leaves, again and again, while the ring is at work in its own thread.
void visit(const Address& address, u64 seed, u32 count, std::atomic<u32>& guests) {
  Prng prng(seed);
  for (u32 i = 0; i < count; ++i) {
    // No more at once than a backlog holds.
    while (guests.load(std::memory_order_acquire) > 100) std::this_thread::yield();
    guests.fetch_add(1, std::memory_order_release);
    Socket socket = connect_to(address);
    const Farewell farewell = farewell_of(prng);
    for (u32 piece = 0; piece < farewell.pieces; ++piece) {
      socket.write(std::string(farewell.size / farewell.pieces, 'x'));
      for (u64 spin = prng.below(200); spin > 0; --spin)
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    if (farewell.is_reset) {
      socket.reset_hard();
    } else {
      socket.reset();
    }
  }
}

}  // namespace

// The net in which the kernel's lost resets were found (uring_watches.h). Without the watches a few
// of a million such visits are never told their end on Linux 6.18; raise kVisits to see it.
TEST_CASE("no end of a connection is missed, whatever comes right in front of it") {
  constexpr u32 kVisits = 10'000;
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    auto listener = ring->listen(*resolve_address("127.0.0.1", 0), {});
    REQUIRE(listener.has_value());
    const UserData accepting(Op::accept, 0, 0);
    ring->accept(*listener, accepting);
    std::atomic<u32> guests{0};
    std::thread visitor(
        [&guests, address = bound_address(*listener)] { visit(address, 1, kVisits, guests); });
    std::vector<int> open;  // descriptors, by slot
    for (u32 ended = 0; ended < kVisits;) {
      const Completion completion = ring.next();
      if (completion.user_data.op() == Op::accept) {
        REQUIRE(completion.result >= 0);
        if (!completion.more) ring->accept(*listener, accepting);
        open.push_back(completion.result);
        ring->recv(completion.result, recv_of(static_cast<u32>(open.size() - 1)));
        continue;
      }
      const u32 slot = completion.user_data.slot();
      ring.release(completion);
      if (completion.more) continue;
      if (completion.result == 0 || completion.result == -ECONNRESET) {
        ring->close(std::exchange(open[slot], -1));
        ++ended;
        guests.fetch_sub(1, std::memory_order_release);
        continue;
      }
      const bool must_go_on =
          completion.result > 0 || completion.result == -ENOBUFS || completion.result == -ECANCELED;
      REQUIRE_MESSAGE(must_go_on, completion.result);
      ring->recv(open[slot], recv_of(slot));
    }
    visitor.join();
    ring.stop(accepting);
    ring->close(*listener);
  }
}

TEST_CASE("a closed descriptor is closed for its peer too, though a receive had been armed on it") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    Pair pair = tcp_pair();
    const int fd = pair.ours.get();
    ring->recv(fd, recv_of(1));
    CHECK(ring.quiet());
    ring.stop(recv_of(1));
    Pair next = tcp_pair();
    ring->close(pair.ours.take());
    // The number's next owner, at once.
    REQUIRE(::dup2(next.ours.get(), fd) == fd);
    next.ours = Socket(fd);
    ring->recv(fd, recv_of(2));
    CHECK(ring.quiet());
    pollfd closed{pair.peer.get(), POLLIN, 0};
    REQUIRE(::poll(&closed, 1, 20'000) == 1);
    CHECK(pair.peer.at_end());
    next.peer.write("fresh");
    CHECK(ring.take(ring.next()) == "fresh");
    ring.stop(recv_of(2));
    ring->close(next.ours.take());
    CHECK(ring.quiet());
  }
}

TEST_CASE("a reset while nothing is received is told by the next receive") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    Pair pair = tcp_pair();
    ring->recv(pair.ours.get(), recv_of(1));
    CHECK(ring.quiet());
    ring.stop(recv_of(1));
    pair.peer.reset_hard();
    pollfd reset{pair.ours.get(), POLLRDHUP, 0};
    REQUIRE(::poll(&reset, 1, 20'000) == 1);
    CHECK(ring.quiet());
    ring->recv(pair.ours.get(), recv_of(2));
    const Completion end = ring.next();
    CHECK(end.user_data.value() == recv_of(2).value());
    CHECK(end.result == -ECONNRESET);
    CHECK_FALSE(end.more);
    ring->close(pair.ours.take());
    CHECK(ring.quiet());
  }
}

TEST_CASE("a watch that finds a broken socket ends its descriptor's receive, and no other's") {
  UringWatches watches;
  u64 first = 0;
  REQUIRE(watches.begin(5, recv_of(1), first));
  u64 second = 0;
  CHECK_FALSE(watches.begin(5, recv_of(2), second));  // armed again: there is a watch
  UserData receive;
  CHECK(watches.on_completion(first, POLLERR | POLLHUP, receive));
  CHECK(receive.value() == recv_of(2).value());

  // A side that was closed, or a watch that was cancelled, ends nothing.
  REQUIRE(watches.begin(5, recv_of(3), second));
  CHECK_FALSE(watches.on_completion(second, POLLRDHUP | POLLIN, receive));
  REQUIRE(watches.begin(5, recv_of(3), second));
  CHECK_FALSE(watches.on_completion(second, -ECANCELED, receive));
  u64 closed = 0;
  CHECK_FALSE(watches.end(5, closed));

  // The number's next owner has a watch of another name, and what comes for the former is late.
  REQUIRE(watches.begin(5, recv_of(4), first));
  CHECK(first != second);
  CHECK(watches.end(5, closed));
  CHECK(closed == first);
  REQUIRE(watches.begin(5, recv_of(6), second));
  CHECK_FALSE(watches.on_completion(first, POLLHUP, receive));
  CHECK(watches.on_completion(second, POLLHUP, receive));
  CHECK(receive.value() == recv_of(6).value());
  CHECK_FALSE(watches.end(4711, closed));
}
