// A real worker in its thread, and what the supervisor sends it.
#include "app/worker_thread.h"
#include "core/stats_blocks.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "app/owned_fd.h"
#include "ringfold/io/address.h"

using namespace ringfold;

namespace {

constexpr int kPatienceMs = 30'000;
using Phase = WorkerThread::Phase;

// Waits for the worker to say something.
void wait_for_event(int wake_fd) {
  pollfd polled{wake_fd, POLLIN, 0};
  REQUIRE(::poll(&polled, 1, kPatienceMs) == 1);
  u64 count = 0;
  REQUIRE(::read(wake_fd, &count, sizeof count) == sizeof count);
}

// A pool of servers with names that nobody has resolved.
Snapshot unresolved_pool(u32 servers) {
  PoolConfig pool;
  pool.name = "x";
  for (u32 i = 0; i < servers; ++i) {
    pool.servers.push_back({std::to_string(i), {"a.name", 1, ""}, 1});
  }
  Snapshot snapshot;
  snapshot.config.pools = {pool};
  snapshot.client_counts = std::vector<std::atomic<u32>>(1);
  snapshot.addresses = {{{}, std::vector<Address>(servers)}};
  return snapshot;
}

struct Listener {
  OwnedFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  Address address = *resolve_address("127.0.0.1", 0);

  Listener() {
    REQUIRE(::bind(fd.get(), address.get(), address.length) == 0);
    REQUIRE(::listen(fd.get(), 1024) == 0);
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address.storage),
                          &address.length) == 0);
  }
};

}  // namespace

TEST_CASE("a worker gets all that it is sent, before it runs and beyond what its ring holds") {
  const auto io = choose_io(IoKind::automatic, probe_io());
  REQUIRE(io);
  constexpr u32 kServers = 300;  // its control ring has 64 places
  Snapshot snapshot = unresolved_pool(kServers);
  StatsBlocks stats;
  stats.attach(snapshot);
  const Listener listener;
  const OwnedFd wake(::eventfd(0, EFD_CLOEXEC));
  RingGate gate(1);
  WorkerThread worker({snapshot, *io, gate, {}, wake.get(), {}});
  for (u16 i = 0; i < kServers; ++i) {
    worker.send({ControlMessage::Kind::address, 0, i, listener.address});
  }
  while (worker.phase() == Phase::starting) wait_for_event(wake.get());
  REQUIRE(worker.phase() == Phase::running);
  while (!worker.flush()) std::this_thread::yield();
  // The pool wants its servers connected before the first request.
  std::vector<std::unique_ptr<OwnedFd>> accepted;
  for (u32 i = 0; i < kServers; ++i) {
    pollfd polled{listener.fd.get(), POLLIN, 0};
    REQUIRE(::poll(&polled, 1, kPatienceMs) == 1);
    accepted.push_back(std::make_unique<OwnedFd>(::accept(listener.fd.get(), nullptr, nullptr)));
    REQUIRE(accepted.back()->get() >= 0);
  }
  worker.send({ControlMessage::Kind::drain});
  while (worker.phase() == Phase::running) wait_for_event(wake.get());
  CHECK(worker.phase() == Phase::finished);
  worker.send({ControlMessage::Kind::cut_off});
  CHECK(worker.flush());
}
