#include "core/scan_cursor.h"

#include <doctest/doctest.h>

#include <string>

using namespace ringfold;

TEST_CASE("a cursor comes back as the position and the server it was made of") {
  for (const u64 position : {u64{1}, u64{17}, u64{1} << 40, (u64{1} << 54) - 2}) {
    for (const u32 server : {0u, 1u, 5u, kServersPerPoolMax - 1}) {
      const std::optional<u64> next = next_scan_cursor(position, server, kServersPerPoolMax);
      REQUIRE(next.has_value());
      const std::optional<ScanCursor> parsed = parse_scan_cursor(std::to_string(*next));
      REQUIRE(parsed.has_value());
      CHECK(parsed->position == position);
      CHECK(parsed->server == server);
    }
  }
}

TEST_CASE("a server that is through hands over to the next one, the last one ends the scan") {
  for (u32 server = 0; server < 3; ++server) {
    const std::optional<u64> next = next_scan_cursor(0, server, 4);
    REQUIRE(next.has_value());
    const std::optional<ScanCursor> parsed = parse_scan_cursor(std::to_string(*next));
    REQUIRE(parsed.has_value());
    CHECK(parsed->position == 0);
    CHECK(parsed->server == server + 1);
  }
  CHECK(next_scan_cursor(0, 3, 4) == 0);
}

TEST_CASE("a position that leaves no room for the server is refused") {
  CHECK(!next_scan_cursor(u64{1} << 54, 0, 4).has_value());
  CHECK(!next_scan_cursor(UINT64_MAX, 3, 4).has_value());
}

TEST_CASE("what is no number is no cursor") {
  for (const char* text : {"", "x", "-1", "1x", " 1", "18446744073709551616"}) {
    CAPTURE(text);
    CHECK(!parse_scan_cursor(text).has_value());
  }
}
