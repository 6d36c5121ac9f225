// Listeners and what keeps them from listening.
#include "io/socket.h"

#include <sys/un.h>

#include <cstdio>

#include "ring_fixture.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

std::string failure(const Expected<int>& listener) {
  REQUIRE_FALSE(listener.has_value());
  return listener.error().text;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("several listeners share a TCP port, a stranger's port is refused with its reason") {
  Socket first(*open_listener(*resolve_address("127.0.0.1", 0), {}));
  const Address address = bound_address(first.get());
  Socket second(*open_listener(address, {}));

  Socket stranger(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address any = *resolve_address("127.0.0.1", 0);
  REQUIRE(::bind(stranger.get(), any.get(), any.length) == 0);
  REQUIRE(::listen(stranger.get(), 1) == 0);
  const Address taken = bound_address(stranger.get());
  CHECK(failure(open_listener(taken, {})) == "cannot listen on " + to_string(taken) +
                                                 ": Address already in use; another process "
                                                 "holds the port");
}

TEST_CASE("a port that another instance shares is noticed beforehand") {
  Socket listener(*open_listener(*resolve_address("127.0.0.1", 0), {}));
  const Address address = bound_address(listener.get());
  const Expected<void> used = check_address_unused(address);
  REQUIRE_FALSE(used.has_value());
  CHECK(contains(used.error().text, "another process holds the port"));

  // A connection of an earlier run in TIME_WAIT does not count.
  Socket client = connect_to(address);
  Socket accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  accepted.reset();
  CHECK(client.at_end());
  client.reset();
  listener.reset();
  CHECK(check_address_unused(address).has_value());
  CHECK(check_address_unused(*unix_address("/nowhere")).has_value());
}

TEST_CASE("an address of no interface is refused with its reason") {
  // 192.0.2.0/24 is reserved for documentation (RFC 5737).
  const std::string text = failure(open_listener(*resolve_address("192.0.2.1", 1), {}));
  CHECK(contains(text, "cannot listen on 192.0.2.1:1: "));
  CHECK(contains(text, "no interface of this machine"));
}

TEST_CASE("a unix socket is opened, found in use, and replaced when it is left over") {
  TemporaryFolder folder;
  const std::string path = folder.file("listener");
  const Address address = *unix_address(path);
  Socket listener(*open_listener(address, {}));
  const std::string used = failure(open_listener(address, {}));
  CHECK(contains(used, path));
  CHECK(contains(used, "another process listens on this socket"));
  // The refusal did not harm it.
  Socket client = connect_to(address);
  listener.reset();

  Socket replaced(*open_listener(address, {}));
  Socket again = connect_to(address);
}

TEST_CASE("a unix socket with a full backlog or of another type counts as used") {
  TemporaryFolder folder;
  const Address busy = *unix_address(folder.file("busy"));
  Socket listener(*open_listener(busy, {.backlog = 0}));
  std::vector<Socket> clients;
  for (;;) {
    REQUIRE(clients.size() < 100);
    Socket client(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int result = ::connect(client.get(), busy.get(), busy.length);
    clients.push_back(std::move(client));
    if (result == 0) continue;
    REQUIRE(errno == EAGAIN);
    break;
  }
  CHECK(contains(failure(open_listener(busy, {})), "another process listens"));

  const Address datagram = *unix_address(folder.file("datagram"));
  Socket other(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(other.get(), datagram.get(), datagram.length) == 0);
  CHECK(contains(failure(open_listener(datagram, {})), "another process listens"));
}

TEST_CASE("a file that is not a socket is never removed") {
  TemporaryFolder folder;
  const std::string path = folder.file("precious");
  std::FILE* file = std::fopen(path.c_str(), "w");
  REQUIRE(file != nullptr);
  std::fclose(file);
  CHECK(contains(failure(open_listener(*unix_address(path), {})), "is not a socket"));
  CHECK(::access(path.c_str(), F_OK) == 0);
  CHECK(contains(failure(open_listener(*unix_address(folder.file("no/such/folder")), {})),
                 "the folder of the socket must exist"));
}

TEST_CASE("two rings accept from one unix listener") {
  for (const Mode& mode : both_rings()) {
    CAPTURE(mode.name);
    TemporaryFolder folder;
    const Address address = *unix_address(folder.file(std::string("shared ") + mode.name));
    Socket listener(*open_listener(address, {}));
    ListenOptions shared;
    shared.shared = listener.get();
    TestRing first(mode);
    TestRing second(mode);
    const UserData accepting(Op::accept, 0, 0);
    int fds[2];
    int turn = 0;
    for (TestRing* ring : {&first, &second}) {
      auto own = (*ring)->listen(address, shared);
      REQUIRE(own.has_value());
      CHECK(*own != listener.get());
      fds[turn++] = *own;
    }
    // Whoever asks gets the connection: first the one, then, when that has stopped, the other.
    for (int i = 0; i < 2; ++i) {
      TestRing& ring = i == 0 ? first : second;
      ring->accept(fds[i], accepting);
      Socket client = connect_to(address);
      const Completion accepted = ring.next();
      CHECK(accepted.result >= 0);
      ring->close(accepted.result);
      ring->cancel(accepting);
      CHECK(ring.next().result == -ECANCELED);
      ring->close(fds[i]);
    }
    // Without one to share the socket is the ring's own to open.
    const Address own = *unix_address(folder.file(std::string("own ") + mode.name));
    Socket opened(*first->listen(own, {}));
    CHECK(contains(failure(second->listen(own, {})), "another process listens"));
  }
}

TEST_CASE("sockets for connecting have their options") {
  for (const bool keepalive : {false, true}) {
    Socket socket(open_socket(*resolve_address("::1", 1), keepalive));
    int value = 0;
    socklen_t size = sizeof(value);
    REQUIRE(::getsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0);
    CHECK(value != 0);
    REQUIRE(::getsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &value, &size) == 0);
    CHECK((value != 0) == keepalive);
    CHECK((::fcntl(socket.get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
  Address odd = *resolve_address("127.0.0.1", 1);
  odd.storage.ss_family = AF_UNSPEC;
  CHECK(open_socket(odd, false) == -EAFNOSUPPORT);
}
