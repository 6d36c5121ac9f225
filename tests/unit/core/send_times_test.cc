// Times of sends against a list of all of them.
#include "core/send_times.h"

#include <doctest/doctest.h>

#include <vector>

#include "ringfold/base/prng.h"

using namespace ringfold;

TEST_CASE("a byte has the time of the send that took it") {
  SendTimes times;
  times.note(100, 5);
  times.note(250, 9);
  CHECK(times.peek(249, 20) == 9);
  CHECK(times.find(0, 20) == 5);
  CHECK(times.find(99, 20) == 5);
  CHECK(times.peek(0, 20) == 5);
  CHECK(times.find(100, 20) == 9);
  CHECK(times.find(250, 20) == 20);
  times.note(300, 21);
  CHECK(times.find(299, 30) == 21);
}

TEST_CASE("what goes again because it was not taken has the time of the first try") {
  SendTimes times;
  times.note(100, 5);
  times.note(100, 7);
  times.note(80, 8);
  CHECK(times.find(90, 20) == 5);
}

TEST_CASE("few sends are told exactly, whatever order they come in") {
  Prng prng(1);
  SendTimes times;
  std::vector<Stamp> of_byte;
  u64 asked = 0;
  for (Stamp now = 1; now < 20'000; ++now) {
    if (of_byte.size() - asked < 32 && prng.chance(1, 2)) {
      of_byte.resize(of_byte.size() + 1 + prng.below(3), now);
      times.note(of_byte.size(), now);
    }
    while (asked < of_byte.size() && prng.chance(1, 2)) {
      REQUIRE(times.find(asked, now) == of_byte[asked]);
      ++asked;
    }
  }
}

TEST_CASE(
    "of many sends that nobody answers neighbours are one, but no byte is later than it was") {
  SendTimes times;
  constexpr u32 kSends = 1000;
  for (u32 i = 0; i < kSends; ++i) times.note(u64{i} + 1, i);
  for (u32 byte = 0; byte < kSends; ++byte) {
    CAPTURE(byte);
    const Stamp found = times.find(byte, kSends);
    CHECK(found <= byte);
    CHECK(byte - found <= kSends / 15);
  }
}
