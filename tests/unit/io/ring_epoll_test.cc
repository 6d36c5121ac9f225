// What could go wrong with epoll and not with io_uring: events that nobody wants told without end,
// floods told in the same order for ever, limits of a tick.
#include <map>

#include "ring_fixture.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

Mode epoll() {
  return both_rings().back();
}

// Waits until the ring sleeps through a deadline. Events that nobody wants may cut a wait short,
// each once; what is told twice would be told for ever.
void check_rest(TestRing& ring) {
  int early = 0;
  for (;;) {
    const Nanos deadline = ring->now() + 20 * kMillisecond;
    const std::span<const Completion> completions = ring->wait(deadline);
    REQUIRE(completions.empty());
    if (ring->now() >= deadline) return;
    REQUIRE(++early <= 3);
  }
}

// Unix pairs: full until the peer reads.
std::size_t fill(const Pair& pair) {
  const std::string bytes(64 * 1024, 'f');
  std::size_t total = 0;
  for (;;) {
    const ssize_t size = ::send(pair.ours.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size < 0) return total;
    total += static_cast<std::size_t>(size);
  }
}

}  // namespace

TEST_CASE("a socket that nobody reads lets the ring sleep, whatever its peer does") {
  TestRing ring(epoll());
  Pair pair = tcp_pair();
  const int fd = pair.ours.get();
  ring->recv(fd, recv_of(1));
  CHECK(ring.quiet());
  ring.stop(recv_of(1));
  pair.peer.write("more");
  check_rest(ring);
  pair.peer.write("and more");
  check_rest(ring);
  SUBCASE("half a close") {
    REQUIRE(::shutdown(pair.peer.get(), SHUT_WR) == 0);
    check_rest(ring);
    ring->recv(fd, recv_of(2));
    CHECK(ring.take(ring.next()) == "moreand more");
    const Completion end = ring.next();
    CHECK(end.result == 0);
    CHECK_FALSE(end.more);
    // The end of the stream stays readable.
    check_rest(ring);
    ring->shutdown_write(fd);
    check_rest(ring);
  }
  SUBCASE("a reset") {
    pair.peer.reset_hard();
    check_rest(ring);
    ring->recv(fd, recv_of(2));
    Completion completion = ring.next();
    while (completion.more) {
      ring.release(completion);
      completion = ring.next();
    }
    CHECK(completion.result == -ECONNRESET);
    check_rest(ring);
  }
  ring->close(pair.ours.take());
  check_rest(ring);
}

TEST_CASE("a socket that was reset while it was never read lets the ring sleep") {
  TestRing ring(epoll());
  Pair pair = unix_pair();
  fill(pair);
  ring.send(pair.ours.get(), "blocked", send_of(1));
  check_rest(ring);
  pair.peer.reset();
  CHECK(ring.next().result < 0);
  check_rest(ring);
}

TEST_CASE("room in a socket wakes nobody when there is nothing to send") {
  TestRing ring(epoll());
  const Pair pair = unix_pair();
  ring->recv(pair.ours.get(), recv_of(1));
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    const std::size_t filled = fill(pair);
    ring.send(pair.ours.get(), "last", send_of(1));
    check_rest(ring);
    for (std::size_t left = filled; left > 0;) left -= pair.peer.read_some(left).size();
    CHECK(ring.next().result == 4);
    CHECK(pair.peer.read(4) == "last");
    check_rest(ring);
    // Here the room comes by and by.
    fill(pair);
    check_rest(ring);
    while (!pair.peer.read_some().empty()) check_rest(ring);
  }
  ring.stop(recv_of(1));
}

TEST_CASE("a closed descriptor whose socket lives on elsewhere is not heard of again") {
  TestRing ring(epoll());
  // As a listener that several workers share.
  const Pair shared = tcp_pair();
  const int fd = ::dup(shared.ours.get());
  ring->recv(fd, recv_of(1));
  CHECK(ring.quiet());
  ring.stop(recv_of(1));
  ring->close(fd);
  shared.peer.write("not for you");
  check_rest(ring);
  const Pair next = tcp_pair();
  REQUIRE(::dup2(next.ours.get(), fd) == fd);
  ring->recv(fd, recv_of(2));
  check_rest(ring);
  next.peer.write("for you");
  CHECK(ring.take(ring.next()) == "for you");
  ring.stop(recv_of(2));
  ring->close(fd);
}

TEST_CASE("a listener that nobody accepts from lets the ring sleep, and its clients are not lost") {
  TestRing ring(epoll());
  const int listener = *ring->listen(*resolve_address("127.0.0.1", 0), {});
  const UserData accepting(Op::accept, 0, 0);
  ring->accept(listener, accepting);
  CHECK(ring.quiet());
  ring.stop(accepting);
  Socket client = connect_to(bound_address(listener));
  check_rest(ring);
  ring->accept(listener, accepting);
  const Completion accepted = ring.next();
  CHECK(accepted.result >= 0);
  CHECK(accepted.more);
  ring->close(accepted.result);
  ring.stop(accepting);
  ring->close(listener);
}

TEST_CASE("a crowd of clients is accepted in parts, all of it") {
  TestRing ring(epoll());
  const int listener = *ring->listen(*resolve_address("127.0.0.1", 0), {});
  constexpr u32 kClients = 300;
  std::vector<Socket> clients;
  for (u32 i = 0; i < kClients; ++i) clients.push_back(connect_to(bound_address(listener)));
  const UserData accepting(Op::accept, 0, 0);
  ring->accept(listener, accepting);
  std::size_t most = 0;
  u32 accepted = 0;
  while (accepted < kClients) {
    const std::span<const Completion> completions = ring->wait(ring->now() + 10 * kSecond);
    REQUIRE(!completions.empty());
    most = std::max(most, completions.size());
    for (const Completion& completion : completions) {
      REQUIRE(completion.result >= 0);
      ring->close(completion.result);
      ++accepted;
    }
  }
  CHECK(most <= 64);
  ring.stop(accepting);
  ring->close(listener);
}

TEST_CASE("one tick takes so much from a socket that sends without end, and no more") {
  TestRing ring(epoll(), RingOptions());
  const Pair busy = unix_pair();
  const Pair polite = unix_pair();
  ring->recv(busy.ours.get(), recv_of(1));
  ring->recv(polite.ours.get(), recv_of(2));
  const std::string flood(64 * 1024, 'f');
  for (int round = 0; round < 20; ++round) {
    while (::send(busy.peer.get(), flood.data(), flood.size(), MSG_DONTWAIT) > 0) {
    }
    polite.peer.write("please");
    std::map<u32, std::size_t> received;
    for (const Completion& completion : ring->wait(0)) {
      REQUIRE(completion.result > 0);
      received[completion.user_data.slot()] += static_cast<std::size_t>(completion.result);
      ring.release(completion);
    }
    CHECK(received[1] > 0);
    CHECK(received[1] <= 64 * 1024);
    CHECK(received[2] == 6);
  }
  ring.stop(recv_of(1));
  ring.stop(recv_of(2));
}

TEST_CASE("more busy sockets than there is memory for are served in turn") {
  RingOptions options;
  options.buffer_count = 4;
  options.buffer_size = 1024;
  TestRing ring(epoll(), options);
  constexpr u32 kSockets = 50;
  std::vector<Pair> pairs;
  for (u32 slot = 0; slot < kSockets; ++slot) {
    pairs.push_back(unix_pair());
    ring->recv(pairs.back().ours.get(), recv_of(slot));
  }
  const std::string bytes(8192, 'x');
  std::map<u32, u32> turns;
  for (int round = 0; round < 500; ++round) {
    // Whoever was read is full again at once, so that a fixed order would always favour the first.
    for (const Pair& pair : pairs) {
      while (::send(pair.peer.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
      }
    }
    for (const Completion& completion : ring->wait(0)) {
      REQUIRE(completion.result > 0);
      ++turns[completion.user_data.slot()];
      ring.release(completion);
    }
  }
  CHECK(turns.size() == kSockets);
  for (const auto& entry : turns) {
    CAPTURE(entry.first);
    CHECK(entry.second >= 4);
  }
  for (u32 slot = 0; slot < kSockets; ++slot) ring.stop(recv_of(slot));
}

TEST_CASE("a unix socket whose listener has no room refuses at once") {
  TemporaryFolder folder;
  TestRing ring(epoll());
  const Address address = *unix_address(folder.file("full"));
  Socket listener(*open_listener(address, {.backlog = 0}));
  std::vector<Socket> sockets;
  i32 result = 0;
  while (result == 0) {
    REQUIRE(sockets.size() < 10);
    sockets.emplace_back(ring->open_socket(address, false));
    ring->connect(sockets.back().get(), address, UserData(Op::backend_connect, 0, 1));
    result = ring.next().result;
  }
  CHECK(result == -EAGAIN);
}

TEST_CASE("a descriptor that epoll cannot watch ends its operations with the error") {
  TestRing ring(epoll());
  Socket file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  ring->recv(file.get(), recv_of(1));
  const Completion completion = ring.next();
  CHECK(completion.result == -EPERM);
  CHECK_FALSE(completion.more);
  ring->close(file.take());
}
