// Recorded traffic.
#include <doctest/doctest.h>

#include <string>

#include "load/replay.h"

namespace ringfold::load {
namespace {

Replay replay(const char* text, Protocol protocol = Protocol::redis) {
  auto parsed = Replay::parse(text, "file", protocol);
  REQUIRE(parsed);
  return std::move(*parsed);
}

std::string error(const char* text, Protocol protocol = Protocol::redis) {
  const auto parsed = Replay::parse(text, "file", protocol);
  REQUIRE(!parsed);
  return parsed.error().text;
}

std::string request(const Replay& recorded, u64 index) {
  return std::string(recorded.request(recorded.line(index)));
}

TEST_CASE("plain Redis commands and those of MONITOR") {
  const Replay recorded = replay(
      "# a comment\n"
      "OK\n"
      "set a \"x y\"\r\n"
      "\n"
      "1339518083.107412 [0 127.0.0.1:60866] \"GET\" \"a\\r\\nb\\x00\"\n"
      "1339518083.107412 [3 unix:/run/a.sock] \"mget\" \"1\" \"2\"\n");
  REQUIRE(recorded.size() == 3);
  CHECK(request(recorded, 0) == "*3\r\n$3\r\nset\r\n$1\r\na\r\n$3\r\nx y\r\n");
  CHECK(request(recorded, 1) == std::string("*2\r\n$3\r\nGET\r\n$5\r\na\r\nb\0\r\n", 24));
  CHECK(recorded.line(1).reply_types == "$0");
  CHECK(recorded.line(2).reply_types == "*");
  CHECK(recorded.skipped() == 0);
}

TEST_CASE("what belongs to its connection or to a script is left out, and counted") {
  const Replay recorded = replay(
      "AUTH secret\nselect 3\nMULTI\nINCR a\nEXEC\nblpop a 0\nmonitor\n"
      "1339518083.107412 [0 lua] \"set\" \"a\" \"1\"\n");
  CHECK(recorded.size() == 1);
  CHECK(recorded.skipped() == 7);
}

TEST_CASE("memcached lines get their data, and lose their noreply") {
  const Replay recorded =
      replay("get a b\nset a 5 0 3 noreply\ndelete a\nmg a v\nquit\n", Protocol::memcached);
  REQUIRE(recorded.size() == 4);
  CHECK(recorded.skipped() == 1);
  CHECK(request(recorded, 0) == "get a b\r\n");
  CHECK(recorded.line(0).shape == memcached::ReplyShape::values);
  CHECK(request(recorded, 1) == "set a 5 0 3\r\nxxx\r\n");
  CHECK(recorded.line(2).shape == memcached::ReplyShape::line);
  CHECK(recorded.line(3).shape == memcached::ReplyShape::meta);
}

TEST_CASE("errors name the line") {
  CHECK(error("get a\nget \"a\n").starts_with("file:2: "));
  CHECK(error("# nothing\n").find("no command") != std::string::npos);
  CHECK(error("get a\nfly away\n", Protocol::memcached).starts_with("file:2: "));
  CHECK(!Replay::load("/nowhere/at/all", Protocol::redis));
}

}  // namespace
}  // namespace ringfold::load
