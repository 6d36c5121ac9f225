// Which ring is taken, and in which words.
#include "app/io_choice.h"

#include <doctest/doctest.h>

#include <string_view>

using namespace ringfold;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

IoOffer offer(bool available) {
  IoOffer made;
  made.uring.available = available;
  made.uring.reason = available ? "" : "the moon is full: wait";
  made.epoll.nanosecond_waits = true;
  return made;
}

}  // namespace

TEST_CASE("auto takes io_uring where it can be had, and may change its mind") {
  auto choice = choose_io(IoKind::automatic, offer(true));
  REQUIRE(choice.has_value());
  CHECK_FALSE(choice->is_epoll);
  CHECK(choice->may_change);
  CHECK(choice->refusal.empty());
  CHECK(contains(describe(*choice), "io_uring: "));
  fall_back(*choice, "no memory: raise it");
  CHECK(choice->is_epoll);
  CHECK_FALSE(choice->may_change);
  CHECK(contains(describe(*choice), "no memory: raise it"));
}

TEST_CASE("auto takes epoll where io_uring is forbidden, and says why and what to do") {
  const auto choice = choose_io(IoKind::automatic, offer(false));
  REQUIRE(choice.has_value());
  CHECK(choice->is_epoll);
  CHECK_FALSE(choice->may_change);
  CHECK(choice->refusal == "the moon is full: wait");
  CHECK(describe(*choice) ==
        "epoll (nanosecond waits) in place of io_uring, at a higher cost per request: the moon is "
        "full: wait; or set io = \"epoll\" to do without this warning");
}

TEST_CASE("epoll is taken without a word against it") {
  for (const bool available : {false, true}) {
    const auto choice = choose_io(IoKind::epoll, offer(available));
    REQUIRE(choice.has_value());
    CHECK(choice->is_epoll);
    CHECK(choice->refusal.empty());
    CHECK(describe(*choice) == "epoll: nanosecond waits");
  }
}

TEST_CASE("uring is taken or nothing") {
  const auto choice = choose_io(IoKind::uring, offer(true));
  REQUIRE(choice.has_value());
  CHECK_FALSE(choice->is_epoll);
  CHECK_FALSE(choice->may_change);
  const auto refused = choose_io(IoKind::uring, offer(false));
  REQUIRE_FALSE(refused.has_value());
  CHECK(contains(refused.error().text, "io = \"uring\" is not possible here: the moon is full"));
  CHECK(contains(refused.error().text, "io = \"auto\""));
}

TEST_CASE("each kind of ring opens") {
  const IoOffer here = probe_io();
  for (const IoKind kind : {IoKind::uring, IoKind::epoll}) {
    const auto choice = choose_io(kind, here);
    REQUIRE(choice.has_value());
    const auto ring = open_ring(RingOptions(), *choice);
    REQUIRE(ring.has_value());
    CHECK((*ring)->wait(0).empty());
  }
}
