// Endpoints and twemproxy's server lines.
#include "app/endpoint.h"

#include <doctest/doctest.h>

#include <string>

#include "ringfold/base/prng.h"

namespace ringfold {
namespace {

struct LineCase {
  const char* line;
  const char* host;
  u16 port;
  const char* unix_path;
  u32 weight;
  const char* name;
};

TEST_CASE("server lines are taken apart from the end") {
  const LineCase cases[] = {
      {"127.0.0.1:6379:1", "127.0.0.1", 6379, "", 1, "127.0.0.1:6379"},
      {"127.0.0.1:6379:5 alpha", "127.0.0.1", 6379, "", 5, "alpha"},
      {"localhost:11211:1", "localhost", 11211, "", 1, "localhost"},
      {"localhost:11211:1 named", "localhost", 11211, "", 1, "named"},
      {"::1:6379:1", "::1", 6379, "", 1, "::1:6379"},
      {"::1:11211:1", "::1", 11211, "", 1, "::1"},
      {"[::1]:6379:2", "::1", 6379, "", 2, "::1:6379"},
      {"fe80::1%lo:6379:1", "fe80::1%lo", 6379, "", 1, "fe80::1%lo:6379"},
      {"/tmp/a.sock:3", "", 0, "/tmp/a.sock", 3, "/tmp/a.sock:"},
      {"/tmp/a.sock:1 sock", "", 0, "/tmp/a.sock", 1, "sock"},
      {"h:1:1 na:me", "h", 1, "", 1, "na:me"},
      {"h:65535:2147483647", "h", 65535, "", 2147483647, "h:65535"},
  };
  for (const LineCase& row : cases) {
    INFO(row.line);
    const auto server = parse_server_line(row.line);
    REQUIRE(server);
    CHECK(server->endpoint.host == row.host);
    CHECK(server->endpoint.port == row.port);
    CHECK(server->endpoint.unix_path == row.unix_path);
    CHECK(server->weight == row.weight);
    CHECK(server->name == row.name);
  }
}

TEST_CASE("a server line comes back from what it was parsed to") {
  Prng prng(7);
  const char* hosts[] = {"127.0.0.1", "::1", "localhost", "a.b-c.example", "2001:db8::ffff"};
  for (int i = 0; i < 10000; ++i) {
    ServerConfig server;
    server.weight = static_cast<u32>(1 + prng.below(kWeightMax));
    if (prng.chance(1, 4)) {
      server.endpoint.unix_path = "/tmp/" + std::to_string(prng.below(1000)) + ".sock";
    } else {
      server.endpoint.host = hosts[prng.below(5)];
      server.endpoint.port = static_cast<u16>(1 + prng.below(65535));
    }
    const u64 length = 1 + prng.below(12);
    for (u64 j = 0; j < length; ++j) server.name += static_cast<char>('!' + prng.below(94));
    const std::string line = to_server_line(server);
    INFO(line);
    const auto parsed = parse_server_line(line);
    REQUIRE(parsed);
    CHECK(parsed->name == server.name);
    CHECK(parsed->weight == server.weight);
    CHECK(to_string(parsed->endpoint) == to_string(server.endpoint));
    CHECK(to_server_line(*parsed) == line);
  }
}

TEST_CASE("endpoints are written as they are read") {
  for (const std::string text :
       {"127.0.0.1:22121", "[::1]:22121", "localhost:1", "unix:/run/a:b.sock", "[fe80::1%lo]:80"}) {
    INFO(text);
    const auto endpoint = parse_endpoint(text);
    REQUIRE(endpoint);
    CHECK(to_string(*endpoint) == text);
  }
}

TEST_CASE("endpoints that cannot be are refused") {
  for (const std::string text :
       {"",      ":",      "h",    "h:",     "h:0",   "h:65536", "h:-1",
        "h: 1",  "h:1 ",   " h:1", "::1:80", "[::1]", "[]:80",   "[127.0.0.1]:80",
        "unix:", "unix:a", "/a",   "a b:1",  "a/b:1", "u@h:1",   "*x[:1"}) {
    INFO(text);
    CHECK(!parse_endpoint(text));
  }
  CHECK(!parse_endpoint("unix:/a\n"));
  CHECK(parse_endpoint("unix:/" + std::string(kUnixPathMax - 1, 'a')));
  CHECK(!parse_endpoint("unix:/" + std::string(kUnixPathMax, 'a')));
  CHECK(parse_endpoint(std::string(253, 'a') + ":1"));
  CHECK(!parse_endpoint(std::string(254, 'a') + ":1"));
}

TEST_CASE("shown text is escaped, cut and free of what stands before an @") {
  CHECK(shown("plain") == "\"plain\"");
  CHECK(shown("a\n\x1b\x7f") == "\"a\\x0a\\x1b\\x7f\"");
  CHECK(shown("user:secret@host") == "\"(hidden)@host\"");
  CHECK(shown(std::string(100, 'x')) == "\"" + std::string(80, 'x') + "\"...");
  CHECK(shown(std::string(79, 'x') + "\xc3\xa9") == "\"" + std::string(79, 'x') + "\"...");
}

}  // namespace
}  // namespace ringfold
