// Cancelling, connecting, waiting and waking through the real kernel.
#include <atomic>
#include <thread>

#include "ring_fixture.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

// Requires: a unix pair. There a full socket stays full until its peer reads; over TCP it may move
// a little later.
void fill(const Pair& pair) {
  const std::string bytes(64 * 1024, 'f');
  while (::send(pair.ours.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
  }
  REQUIRE(errno == EAGAIN);
}

}  // namespace

TEST_CASE("a cancelled receive ends, and cancelling nothing tells nobody") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    const Pair pair = tcp_pair();
    ring->cancel(recv_of(1));
    ring->cancel_all(pair.ours.get());
    CHECK(ring.quiet());
    ring->recv(pair.ours.get(), recv_of(1));
    CHECK(ring.quiet());
    ring->cancel(recv_of(1));
    const Completion completion = ring.next();
    CHECK(completion.user_data.value() == recv_of(1).value());
    CHECK(completion.result == -ECANCELED);
    CHECK_FALSE(completion.more);
    CHECK(completion.buffer == kNoBuffer);
    CHECK(ring.quiet());
    // The socket works on, and what came meanwhile is there.
    pair.peer.write("still here");
    ring->recv(pair.ours.get(), recv_of(2));
    CHECK(ring.take(ring.next()) == "still here");
    ring.stop(recv_of(2));
  }
}

TEST_CASE("cancel_all ends a receive and a blocked send, and the descriptor is free for others") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    for (const bool same_tick : {false, true}) {
      CAPTURE(same_tick);
      TestRing ring(mode);
      Pair pair = unix_pair();
      const int fd = pair.ours.get();
      fill(pair);
      ring->recv(fd, recv_of(1));
      ring.send(fd, "blocked", send_of(1));
      if (!same_tick) CHECK(ring.quiet());
      ring->cancel_all(fd);
      bool recv_ended = false;
      bool send_ended = false;
      while (!recv_ended || !send_ended) {
        const Completion completion = ring.next();
        CHECK(completion.result == -ECANCELED);
        CHECK_FALSE(completion.more);
        recv_ended |= completion.user_data.value() == recv_of(1).value();
        send_ended |= completion.user_data.value() == send_of(1).value();
      }
      CHECK(ring.quiet());
      Pair next = tcp_pair();
      ring->close(pair.ours.take());

      // Nothing of the past touches the next owner of the number.
      REQUIRE(::dup2(next.ours.get(), fd) == fd);
      Socket reused(fd);
      ring->recv(fd, recv_of(2));
      ring.send(fd, "new", send_of(2));
      next.peer.write("fresh");
      bool received = false;
      bool sent = false;
      while (!received || !sent) {
        const Completion completion = ring.next();
        if (completion.user_data.value() == recv_of(2).value()) {
          CHECK(ring.take(completion) == "fresh");
          received = true;
        } else {
          CHECK(completion.user_data.value() == send_of(2).value());
          CHECK(completion.result == 3);
          sent = true;
        }
      }
      CHECK(next.peer.read(3) == "new");
      ring.stop(recv_of(2));
    }
  }
}

TEST_CASE("a blocked send is cancelled by its name, in its tick or later") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    for (const bool same_tick : {false, true}) {
      CAPTURE(same_tick);
      TestRing ring(mode);
      const Pair pair = unix_pair();
      const Pair untouched = unix_pair();
      fill(pair);
      fill(untouched);
      ring.send(untouched.ours.get(), "other", send_of(2));
      ring.send(pair.ours.get(), "blocked", send_of(1));
      if (!same_tick) CHECK(ring.quiet());
      ring->cancel(send_of(1));
      const Completion completion = ring.next();
      CHECK(completion.user_data.value() == send_of(1).value());
      CHECK(completion.result == -ECANCELED);
      CHECK(ring.quiet());
      ring->cancel_all(untouched.ours.get());
      CHECK(ring.next().user_data.value() == send_of(2).value());
    }
  }
}

TEST_CASE("a cancelled send that had begun tells how far it came") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    const Pair pair = unix_pair();
    const std::string bytes(8'000'000, 'x');
    ring.send(pair.ours.get(), bytes, send_of(1));
    CHECK(ring.quiet() != mode.tells_short_sends());
    ring->cancel(send_of(1));
    const Completion completion = ring.next();
    CHECK(completion.user_data.value() == send_of(1).value());
    CHECK(completion.result > 0);
    CHECK(completion.result < 8'000'000);
    std::size_t received = 0;
    while (received < static_cast<std::size_t>(completion.result)) {
      received += pair.peer.read_some().size();
    }
    CHECK(received == static_cast<std::size_t>(completion.result));
    CHECK(pair.peer.read_some().empty());
  }
}

TEST_CASE("connecting succeeds, is refused, or finds no socket file") {
  TemporaryFolder folder;
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    const UserData connecting(Op::backend_connect, 3, 4);
    const auto outcome = [&](Address address) {
      Socket socket(ring->open_socket(address, true));
      ring->connect(socket.get(), address, connecting);
      address = Address();  // may be gone by the time of the submission
      const Completion completion = ring.next();
      CHECK(completion.user_data.value() == connecting.value());
      CHECK_FALSE(completion.more);
      return completion.result;
    };
    const Address any = *resolve_address("127.0.0.1", 0);
    Socket listener(*ring->listen(any, {}));
    const Address open = bound_address(listener.get());
    CHECK(outcome(open) == 0);

    // A port that is bound and not listened on refuses, and nobody else can take it meanwhile.
    Socket bound(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(bound.get(), any.get(), any.length) == 0);
    CHECK(outcome(bound_address(bound.get())) == -ECONNREFUSED);

    CHECK(outcome(*unix_address(folder.file("absent"))) == -ENOENT);
    const Address path = *unix_address(folder.file(std::string("here ") + mode.name));
    Socket unix_listener(*ring->listen(path, {}));
    CHECK(outcome(path) == 0);
    unix_listener.reset();
    CHECK(outcome(path) == -ECONNREFUSED);
  }
}

TEST_CASE("a connect on its way is cancelled") {
  for (const Mode& mode : both_rings()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    // A listener with a full backlog answers no further SYN: at the latest then a connect stays on
    // its way for the cancellation behind it to meet.
    Socket listener(*open_listener(*resolve_address("127.0.0.1", 0), {.backlog = 0}));
    const Address address = bound_address(listener.get());
    const UserData connecting(Op::backend_connect, 0, 1);
    std::vector<Socket> sockets;
    i32 result = 0;
    while (result == 0) {
      REQUIRE(sockets.size() < 10);
      sockets.emplace_back(ring->open_socket(address, false));
      ring->connect(sockets.back().get(), address, connecting);
      ring->cancel(connecting);
      result = ring.next().result;
    }
    CHECK(result == -ECANCELED);
  }
}

TEST_CASE("wait returns at its deadline, not before, and at once when it has passed") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    const Nanos start = ring->now();
    CHECK(ring->wait(0).empty());
    CHECK(ring->wait(start - kSecond).empty());
    CHECK(ring->now() >= start);
    CHECK(ring->now() < start + 10 * kSecond);
    const Nanos deadline = ring->now() + 20 * kMillisecond;
    CHECK(ring->wait(deadline).empty());
    CHECK(ring->now() >= deadline);
    CHECK(ring->now() < deadline + 10 * kSecond);
  }
}

TEST_CASE("the doorbell wakes a sleeping ring from another thread") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    constexpr u32 kRings = 2000;
    std::atomic<u32> told{0};
    std::atomic<u32> heard{0};
    std::thread caller([&] {
      for (u32 i = 1; i <= kRings; ++i) {
        told.store(i, std::memory_order_relaxed);
        ring->ring_doorbell();
        // Half of the time the bell rings again before it was answered.
        while (i % 2 == 0 && heard.load(std::memory_order_acquire) < i) std::this_thread::yield();
      }
    });
    // Waiting without a limit: a lost wake would hang here.
    while (heard.load(std::memory_order_relaxed) < kRings) {
      u32 wakes = 0;
      for (const Completion& completion : ring->wait(kNever)) {
        CHECK(completion.user_data.op() == Op::wake);
        ++wakes;
      }
      CHECK(wakes <= 1);
      if (wakes == 1) heard.store(told.load(std::memory_order_relaxed), std::memory_order_release);
    }
    caller.join();
  }
}

TEST_CASE("a bell rung before the first wait, and many times, wakes once") {
  for (const Mode& mode : both_rings()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    for (int i = 0; i < 5; ++i) ring->ring_doorbell();
    CHECK(ring.next().user_data.op() == Op::wake);
    CHECK(ring.quiet());
    ring->ring_doorbell();
    ring->ring_doorbell();
    CHECK(ring.next().user_data.op() == Op::wake);
    CHECK(ring.quiet());
  }
}
