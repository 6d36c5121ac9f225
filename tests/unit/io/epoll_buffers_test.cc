// The receive memory of the epoll ring, by itself.
#include "io/epoll_buffers.h"

#include <doctest/doctest.h>

#include <deque>

#include "ringfold/base/prng.h"

using namespace ringfold;

TEST_CASE("receives share a buffer one behind the other, and the next begins when it is full") {
  EpollBuffers buffers;
  REQUIRE(buffers.open(2, 64) == 0);
  CHECK(buffers.lent() == 2);
  REQUIRE(buffers.room().size() == 64);
  const EpollBuffers::Received first = buffers.take(10);
  REQUIRE(buffers.room().size() == 54);
  const EpollBuffers::Received second = buffers.take(54);
  CHECK(second.buffer == first.buffer);
  CHECK(second.data == first.data + 10);
  CHECK(buffers.lent() == 1);
  const EpollBuffers::Received third = (static_cast<void>(buffers.room()), buffers.take(64));
  CHECK(third.buffer != first.buffer);
  CHECK(buffers.room().empty());
  CHECK(buffers.held() == 3);
  // The first is free only when both receives in it are done with.
  buffers.release(first.buffer);
  CHECK(buffers.room().empty());
  buffers.release(second.buffer);
  CHECK(buffers.room().size() == 64);
  buffers.release(third.buffer);
  CHECK(buffers.held() == 0);
  CHECK(buffers.lent() == 2);
}

TEST_CASE("a buffer that nobody holds any more is filled from its start again") {
  EpollBuffers buffers;
  REQUIRE(buffers.open(4, 64) == 0);
  const char* const start = buffers.room().data();
  for (int i = 0; i < 100; ++i) {
    REQUIRE(buffers.room().data() == start);
    const EpollBuffers::Received received = buffers.take(20);
    CHECK(buffers.room().data() == start + 20);
    buffers.release(received.buffer);
  }
}

TEST_CASE("random receives and releases never share a byte and all come home") {
  EpollBuffers buffers;
  REQUIRE(buffers.open(3, 100) == 0);
  struct Held {
    EpollBuffers::Received received;
    std::size_t size;
    char mark;
  };
  std::deque<Held> held;
  Prng prng(8);
  u32 times_full = 0;
  for (u32 i = 0; i < 20'000; ++i) {
    const std::span<char> room = buffers.room();
    times_full += room.empty() ? 1 : 0;
    if (!room.empty() && prng.chance(1, 2)) {
      const std::size_t size = 1 + prng.below(room.size());
      const char mark = static_cast<char>(i);
      std::fill_n(room.begin(), size, mark);
      held.push_back({buffers.take(size), size, mark});
      REQUIRE(held.back().received.data == room.data());
    } else if (!held.empty()) {
      const std::size_t index = prng.below(held.size());
      const Held one = held[index];
      const std::string expected(one.size, one.mark);
      REQUIRE(std::string_view(one.received.data, one.size) == expected);
      buffers.release(one.received.buffer);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(index));
    }
    REQUIRE(buffers.held() == held.size());
  }
  CHECK(times_full > 0);
  for (const Held& one : held) buffers.release(one.received.buffer);
  CHECK(buffers.lent() == 3);
}
