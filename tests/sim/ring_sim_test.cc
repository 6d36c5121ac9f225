// The ring of the simulator keeps the contract of ring.h, uses its freedoms, and sees its owner's
// mistakes. No part of the product is linked here.
#include "ring_sim.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>

using namespace ringfold;
using namespace ringfold::sim;

namespace {

// The other side of a connection: remembers what arrives.
struct Peer final : Acceptor, EndOwner {
  void on_incoming(End& incoming) override {
    end = &incoming;
    end->owner = this;
  }
  void on_arrival(End& arrived) override {
    bytes.append(arrived.arrived());
    arrived.consume(arrived.arrived().size());
  }
  void on_space(End&) override {}
  End* end = nullptr;
  std::string bytes;
};

struct Fixture {
  explicit Fixture(u64 seed = 1, const RingSimOptions& options = {})
      : universe(seed), network(universe), ring(universe, network, options, "ring") {}

  // A descriptor of the ring, connected to the peer.
  int connected() {
    network.listen(address, peer);
    const int fd = ring.open_socket(address, false);
    ring.connect(fd, address, UserData(Op::backend_connect, 1, 1));
    const Completion completion = one();
    CHECK(completion.user_data.op() == Op::backend_connect);
    CHECK(completion.result == 0);
    return fd;
  }
  Completion one(Nanos patience = kSecond) {
    const std::span<const Completion> completions = ring.wait(universe.now() + patience);
    REQUIRE(completions.size() == 1);
    return completions[0];
  }
  void send(int fd, std::string& bytes, u32 slot = 2) {
    const iovec vector{bytes.data(), bytes.size()};
    ring.send(fd, std::span<const iovec>(&vector, 1), UserData(Op::backend_send, 1, slot));
  }

  Universe universe;
  Network network;
  const Address address = virtual_address(9, 6379);
  Peer peer;
  RingSim ring;
};

const UserData kRecv(Op::backend_recv, 1, 1);
const UserData kAccept(Op::accept, 1, 1);

}  // namespace

TEST_CASE("a deadline is kept to the nanosecond, and now() is the time at the end of the wait") {
  Fixture f;
  const Nanos deadline = f.universe.now() + 7 * kMillisecond;
  CHECK(f.ring.wait(deadline).empty());
  CHECK(f.ring.now() == deadline);
}

TEST_CASE("a connect is refused where nobody listens, and never ends where nobody answers") {
  Fixture f;
  const int fd = f.ring.open_socket(f.address, false);
  f.ring.connect(fd, f.address, UserData(Op::backend_connect, 1, 1));
  CHECK(f.one().result == -ECONNREFUSED);
  f.network.listen(f.address, f.peer);
  f.network.set_reach(f.address, Reach::silent);
  f.ring.connect(fd, f.address, UserData(Op::backend_connect, 1, 1));
  CHECK(f.ring.wait(f.universe.now() + 9 * kSecond).empty());
  f.ring.cancel(UserData(Op::backend_connect, 1, 1));
  const Completion completion = f.one();
  CHECK(completion.result == -ECANCELED);
  CHECK_FALSE(completion.more);
  f.ring.close(fd);
  CHECK(f.ring.open_descriptors() == 0);
  CHECK_FALSE(f.universe.failed());
}

TEST_CASE("accept gives many descriptors, and its last completion when it is cancelled") {
  Fixture f;
  const int listener = f.ring.listen(f.address, {}).value();
  f.ring.accept(listener, kAccept);
  Peer clients[2];
  f.network.dial(f.address, clients[0], 0);
  const Completion first = f.one();
  CHECK(first.more);
  f.network.dial(f.address, clients[1], 0);
  const Completion second = f.one();
  CHECK(second.result != first.result);
  f.ring.cancel_all(listener);
  CHECK(f.one().result == -ECANCELED);
  f.ring.close(listener);
  f.ring.close(first.result);
  f.ring.close(second.result);
  CHECK_FALSE(f.universe.failed());
}

TEST_CASE("recv gives bytes, then 0 behind a FIN, or an error behind a reset") {
  for (const bool reset : {false, true}) {
    Fixture f;
    const int fd = f.connected();
    f.ring.recv(fd, kRecv);
    f.peer.end->write("hello");
    const Completion completion = f.one();
    CHECK(completion.more);
    CHECK(std::string_view(completion.data, 5) == "hello");
    REQUIRE(completion.result == 5);
    f.ring.release_buffer(completion.buffer);
    reset ? f.peer.end->reset(false) : f.peer.end->shutdown();
    const Completion end = f.one();
    CHECK(end.result == (reset ? -ECONNRESET : 0));
    CHECK_FALSE(end.more);
    CHECK(end.buffer == kNoBuffer);
    f.ring.close(fd);
    CHECK_FALSE(f.universe.failed());
  }
}

TEST_CASE("recv ends with ENOBUFS when every buffer is out, and goes on after a release") {
  RingSimOptions options;
  options.buffer_count = 1;
  options.buffer_size = 4;
  Fixture f(1, options);
  const int fd = f.connected();
  f.ring.recv(fd, kRecv);
  f.peer.end->write("12345678");
  const auto completions = f.ring.wait(f.universe.now() + kSecond);
  REQUIRE(completions.size() == 2);
  CHECK(completions[0].result == 4);
  CHECK(completions[1].result == -ENOBUFS);
  CHECK_FALSE(completions[1].more);
  CHECK(f.ring.buffers_out() == 1);
  f.ring.release_buffer(completions[0].buffer);
  f.ring.recv(fd, kRecv);
  const Completion rest = f.one();
  CHECK(std::string_view(rest.data, 4) == "5678");
  f.ring.release_buffer(rest.buffer);
  CHECK(f.ring.buffers_out() == 0);
}

TEST_CASE("with incremental buffers completions share one, each released for itself") {
  RingSimOptions options;
  options.buffer_count = 1;
  options.buffer_size = 64;
  options.incremental = true;
  Fixture f(1, options);
  const int fd = f.connected();
  f.ring.recv(fd, kRecv);
  f.peer.end->write("first");
  const Completion first = f.one();
  f.peer.end->write("second");
  const Completion second = f.one();
  CHECK(first.buffer == second.buffer);
  CHECK(std::string_view(first.data, 5) == "first");
  CHECK(std::string_view(second.data, 6) == "second");
  f.ring.release_buffer(first.buffer);
  CHECK(std::string_view(second.data, 6) == "second");
  f.ring.release_buffer(second.buffer);
  CHECK(second.data[0] == kReceiveGarbage);
  CHECK_FALSE(f.universe.failed());
}

TEST_CASE("a doorbell rung often wakes once") {
  Fixture f;
  for (int i = 0; i < 5; ++i) f.ring.ring_doorbell();
  CHECK(f.one().user_data.op() == Op::wake);
  CHECK(f.ring.wait(f.universe.now() + kMillisecond).empty());
  f.ring.ring_doorbell();
  CHECK(f.one().user_data.op() == Op::wake);
}

TEST_CASE("a send to a peer that does not read waits, and a cancel tells how far it got") {
  Fixture f;
  f.network.policy.window = 1000;
  f.network.listen(f.address, f.peer);
  const int fd = f.connected();
  f.peer.end->owner = nullptr;  // nobody reads
  std::string bytes(5000, 'x');
  f.send(fd, bytes);
  CHECK(f.ring.wait(f.universe.now() + kSecond).empty());
  f.ring.cancel_all(fd);
  const Completion completion = f.one();
  CHECK(completion.result == 2000);  // the receiver's window and the wire are full
  std::string more("more");
  f.peer.end->reset(false);
  f.ring.wait(f.universe.now() + kMillisecond);
  f.send(fd, more);
  CHECK(f.one().result < 0);
}

// An echo server of few lines that does its duties; whatever the dice do, the client gets its bytes
// back.
TEST_CASE("with every die of the contract in play a careful owner notices nothing") {
  u64 cut = 0;
  for (u64 seed = 1; seed <= 300; ++seed) {
    RingSimOptions options;
    options.buffer_count = 1 + static_cast<u32>(seed % 3);
    options.buffer_size = 16;
    options.incremental = seed % 2 == 0;
    Fixture f(seed, options);
    f.universe.dice.pick_freedoms();
    const int listener = f.ring.listen(f.address, {}).value();
    f.ring.accept(listener, kAccept);
    Peer client;
    End* end = f.network.dial(f.address, client, 0);
    std::string sent;
    for (int i = 0; i < 200; ++i) sent += static_cast<char>('a' + f.universe.dice.below(26));
    end->write(sent);
    end->shutdown();

    int fd = -1;
    bool finished = false, sending = false;
    std::string waiting, in_flight;
    for (int turn = 0; turn < 20'000 && !(finished && waiting.empty() && !sending); ++turn) {
      bool arm = false;
      for (const Completion& completion : f.ring.wait(f.universe.now() + 10 * kMillisecond)) {
        const Op op = completion.user_data.op();
        if (op == Op::accept) {
          if (completion.result >= 0) fd = completion.result;
          if (completion.result >= 0) arm = true;
          if (!completion.more && fd < 0) f.ring.accept(listener, kAccept);
        } else if (op == Op::backend_send) {
          sending = false;
          REQUIRE(completion.result > 0);
          waiting.insert(0, in_flight.substr(static_cast<std::size_t>(completion.result)));
          if (static_cast<std::size_t>(completion.result) < in_flight.size()) ++cut;
        } else if (op == Op::backend_recv) {
          if (completion.result > 0) {
            waiting.append(completion.data, static_cast<std::size_t>(completion.result));
            f.ring.release_buffer(completion.buffer);
          }
          finished = completion.result == 0;
          arm = !completion.more && !finished;
        }
      }
      if (arm) f.ring.recv(fd, kRecv);
      if (!sending && !waiting.empty()) {
        in_flight = waiting;
        waiting.clear();
        sending = true;
        f.send(fd, in_flight);
      }
      REQUIRE_MESSAGE(!f.universe.failed(), f.universe.failure());
    }
    f.universe.elapse(kSecond);
    CHECK_MESSAGE(client.bytes == sent, "seed ", seed);
    CHECK(f.ring.buffers_out() == 0);
  }
  CHECK(cut > 0);
}

TEST_CASE("the owner's mistakes are seen") {
  Fixture f;
  const int fd = f.connected();
  std::string bytes = "bytes";
  const char* expected = "";
  SUBCASE("close with an operation in the kernel") {
    f.ring.recv(fd, kRecv);
    f.ring.close(fd);
    expected = "with an operation in the kernel";
  }
  SUBCASE("close twice") {
    f.ring.close(fd);
    f.ring.close(fd);
    expected = "not open";
  }
  SUBCASE("two sends in flight") {
    f.send(fd, bytes, 2);
    f.send(fd, bytes, 3);
    expected = "while one is in the kernel";
  }
  SUBCASE("a user_data of a live operation") {
    f.ring.recv(fd, kRecv);
    f.ring.accept(f.ring.listen(virtual_address(8, 1), {}).value(), kRecv);
    expected = "the user_data of a live operation";
  }
  SUBCASE("bytes of a send touched") {
    f.universe.dice.set(Die::send_completes_late, 1000);
    f.send(fd, bytes);
    f.ring.wait(0);
    bytes[0] = 'x';
    while (!f.universe.failed() && f.ring.wait(f.universe.now() + kSecond).empty()) {
    }
    expected = "bytes of a send changed";
  }
  SUBCASE("a buffer released twice") {
    f.ring.recv(fd, kRecv);
    f.peer.end->write("hello");
    const Completion completion = f.one();
    f.ring.release_buffer(completion.buffer);
    f.ring.release_buffer(completion.buffer);
    expected = "which is not out";
  }
  SUBCASE("the padding written") {
    f.ring.recv(fd, kRecv);
    f.peer.end->write("hello");
    const Completion completion = f.one();
    const_cast<char*>(completion.data)[completion.result] = '\0';
    f.ring.release_buffer(completion.buffer);
    expected = "behind a receive buffer were written";
  }
  SUBCASE("spinning") {
    for (int i = 0; i < 200; ++i) f.ring.wait(0);
    expected = "it spins";
  }
  SUBCASE("sleeping for ever") {
    f.ring.wait(kNever);
    expected = "sleeps for ever";
  }
  CHECK_MESSAGE(f.universe.failure().find(expected) != std::string::npos, f.universe.failure());
  CHECK(f.universe.failed());
}
