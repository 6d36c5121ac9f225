// Edge cases of the kernel that no other file here is about; README.md has the list of all.
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "ring_fixture.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

void do_nothing(int) {}

}  // namespace

TEST_CASE("an idle receive outlives a time without buffers") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    RingOptions options = TestRing::small_options();
    options.buffer_count = options.classic_buffer_count = 2;
    options.buffer_size = options.classic_buffer_size = 64;
    TestRing ring(mode, options);
    const Pair busy = unix_pair();
    const Pair idle = unix_pair();
    ring->recv(busy.ours.get(), recv_of(1));
    ring->recv(idle.ours.get(), recv_of(2));
    REQUIRE(ring.quiet());
    busy.peer.write(std::string(1000, 'x'));
    std::vector<Completion> held;
    while (held.empty() || held.back().result > 0) {
      held.push_back(ring.next());
      REQUIRE(held.back().user_data.value() == recv_of(1).value());
    }
    CHECK(held.back().result == -ENOBUFS);
    CHECK(ring.quiet());
    for (const Completion& completion : held) ring.release(completion);
    // The one that found none has ended, the other has not noticed.
    idle.peer.write("here");
    const Completion received = ring.next();
    CHECK(received.user_data.value() == recv_of(2).value());
    CHECK(ring.take(received) == "here");
    ring.stop(recv_of(2));
  }
}

TEST_CASE(
    "a blocked send that a reset ends tells what it had reached or the error, then the error") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    Pair pair = tcp_pair();
    const std::string bytes(16'000'000, 'x');
    // A first attempt may be told short; the rest then waits in the kernel.
    std::size_t sent = 0;
    ring.send(pair.ours.get(), bytes, send_of(1));
    for (Completion completion; ring.next_if_any(completion);) {
      REQUIRE(completion.result > 0);
      sent += static_cast<std::size_t>(completion.result);
      ring.send(pair.ours.get(), std::string_view(bytes).substr(sent), send_of(1));
    }
    REQUIRE(sent < bytes.size());
    pair.peer.reset_hard();
    Completion completion = ring.next();
    CHECK(completion.user_data.value() == send_of(1).value());
    if (completion.result > 0) {
      CHECK(sent + static_cast<std::size_t>(completion.result) < bytes.size());
      ring.send(pair.ours.get(), "more", send_of(1));
      completion = ring.next();
    }
    CHECK((completion.result == -ECONNRESET || completion.result == -EPIPE));
    CHECK(ring.quiet());
  }
}

TEST_CASE("an operation on no descriptor fails alone") {
  for (const Mode& mode : both_rings()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    const Pair first = unix_pair();
    const Pair second = unix_pair();
    const int closed = ::dup(first.ours.get());
    REQUIRE(closed >= 0);
    ::close(closed);
    first.peer.write("1");
    second.peer.write("2");
    ring->recv(first.ours.get(), recv_of(1));
    ring->recv(closed, recv_of(9));
    ring->recv(second.ours.get(), recv_of(2));
    u32 seen = 0;
    while (seen != 7) {
      const Completion completion = ring.next();
      const u32 slot = completion.user_data.slot();
      seen |= slot == 9 ? 4 : slot;
      CHECK((completion.result == -EBADF) == (slot == 9));
      CHECK(completion.more == (slot != 9));
      ring.release(completion);
    }
    ring.stop(recv_of(1));
    ring.stop(recv_of(2));
  }
}

TEST_CASE("signals that interrupt waits and submissions cost no completion") {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = do_nothing;  // without SA_RESTART: system calls are interrupted
  REQUIRE(::sigaction(SIGUSR2, &action, &before) == 0);
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    const Pair pair = unix_pair();
    ring->recv(pair.ours.get(), recv_of(1));
    REQUIRE(ring.quiet());
    std::atomic<bool> done{false};
    std::atomic<u32> signals{0};
    std::thread alarm([&done, &signals, target = ::pthread_self()] {
      while (!done.load(std::memory_order_acquire)) {
        ::pthread_kill(target, SIGUSR2);
        signals.fetch_add(1, std::memory_order_release);
        std::this_thread::yield();
      }
    });
    std::string received;
    for (char letter = 'a'; letter <= 'f'; ++letter) {
      const u32 heard = signals.load(std::memory_order_acquire);
      while (signals.load(std::memory_order_acquire) == heard) CHECK(ring.quiet());
      ring.send(pair.ours.get(), "back", send_of(1));
      Completion sent;
      while (!ring.next_if_any(sent)) {
      }
      CHECK(sent.result == 4);
      pair.peer.write(std::string_view(&letter, 1));
      received += ring.take(ring.next());
    }
    done.store(true, std::memory_order_release);
    alarm.join();
    CHECK(received == "abcdef");
    CHECK(pair.peer.read(6 * 4).size() == 6 * 4);
    ring.stop(recv_of(1));
  }
  REQUIRE(::sigaction(SIGUSR2, &before, nullptr) == 0);
}
