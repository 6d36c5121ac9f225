#include "backend/held_replies.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace ringfold;
using backend::Connection;
using backend::HeldReplies;

namespace {

struct Bench {
  Bench() {
    for (u32 i = 0; i < 2; ++i) {
      const u32 index = connections.take();
      connections[index].generation = i + 1;
    }
  }
  void hold(u32 index, u64 bytes, Nanos due) {
    connections[index].out.append(blocks, std::string(bytes, 'x'));
    REQUIRE(held.hold(connections[index], index, bytes, due));
  }
  std::vector<u32> release(Nanos now) {
    std::vector<u32> released;
    held.release(connections, now, [&released](u32 index) { released.push_back(index); });
    return released;
  }
  ~Bench() {
    for (u32 i = 0; i < 2; ++i) connections[i].out.clear(blocks);
  }

  BlockPool blocks;
  Slab<Connection> connections{16};
  HeldReplies held;
};

}  // namespace

TEST_CASE("replies leave when they are due, in the order of the requests") {
  Bench bench;
  CHECK(bench.held.next_due() == kNever);
  bench.hold(0, 10, 300);
  bench.hold(0, 20, 100);  // is due first, but stands second
  bench.hold(1, 5, 200);
  CHECK(bench.held.next_due() == 200);
  CHECK(bench.release(100).empty());
  CHECK(bench.release(200) == std::vector<u32>{1});
  CHECK(bench.connections[1].sendable() == 5);
  CHECK(bench.connections[0].sendable() == 0);
  CHECK(bench.release(299).empty());
  CHECK(bench.release(300) == std::vector<u32>{0});
  CHECK(bench.connections[0].sendable() == 30);
  CHECK(bench.held.next_due() == kNever);
}

TEST_CASE("a later reply of the line has a timer of its own") {
  Bench bench;
  bench.hold(0, 10, 100);
  bench.hold(0, 20, 250);
  CHECK(bench.release(100) == std::vector<u32>{0});
  CHECK(bench.connections[0].sendable() == 10);
  CHECK(bench.held.next_due() == 250);
  CHECK(bench.release(250) == std::vector<u32>{0});
  CHECK(bench.connections[0].sendable() == 30);
}

TEST_CASE("a connection that is gone is not released for") {
  Bench bench;
  bench.hold(0, 10, 100);
  bench.held.drop(bench.connections[0]);
  CHECK(bench.connections[0].held_count == 0);
  ++bench.connections[0].generation;
  CHECK(bench.release(1000).empty());
  // Nor for another that has taken its slot, before its own time.
  bench.hold(0, 10, 100);
  bench.held.drop(bench.connections[0]);
  ++bench.connections[0].generation;
  bench.hold(0, 7, 5000);
  CHECK(bench.release(1000).empty());
  CHECK(bench.release(5000) == std::vector<u32>{0});
}
