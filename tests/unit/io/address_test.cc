#include "ringfold/io/address.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

using namespace ringfold;

TEST_CASE("numeric addresses are taken as they are and print as they were") {
  const auto four = resolve_address("127.0.0.1", 6379);
  REQUIRE(four.has_value());
  CHECK(four->family() == AF_INET);
  CHECK(to_string(*four) == "127.0.0.1:6379");
  const auto six = resolve_address("2001:db8::7", 65535);
  REQUIRE(six.has_value());
  CHECK(six->family() == AF_INET6);
  CHECK(to_string(*six) == "[2001:db8::7]:65535");
}

TEST_CASE("a numeric host is its only address") {
  const auto four = resolve_addresses("127.0.0.1", 6379);
  REQUIRE(four.has_value());
  CHECK(*four == std::vector{*resolve_address("127.0.0.1", 6379)});
  for (const char* host : {"127.0.0.1", "::1", "2001:db8::7"}) CHECK(is_numeric_host(host));
  for (const char* host : {"localhost", "127.0.0", "1", "", "10.0.0.1.example", "[::1]"}) {
    CHECK_FALSE(is_numeric_host(host));
  }
}

TEST_CASE("a name has each of its addresses once") {
  const auto found = resolve_addresses("localhost", 80);
  REQUIRE(found.has_value());
  REQUIRE_FALSE(found->empty());
  CHECK(found->front() == *resolve_address("localhost", 80));
  std::set<std::string> texts;
  for (const Address& address : *found) CHECK(texts.insert(to_string(address)).second);
}

TEST_CASE("an address with another port is what resolving with that port gives") {
  for (const char* host : {"192.0.2.1", "2001:db8::7"}) {
    CHECK(with_port(*resolve_address(host, 1), 65534) == *resolve_address(host, 65534));
  }
  CHECK(with_port(*unix_address("/run/a.sock"), 1) == *unix_address("/run/a.sock"));
  CHECK_FALSE(with_port(Address(), 1).resolved());
}

TEST_CASE("names are resolved, and an unknown one says so") {
  const auto local = resolve_address("localhost", 80);
  REQUIRE(local.has_value());
  CHECK(std::set<std::string>{"127.0.0.1:80", "[::1]:80"}.count(to_string(*local)) == 1);
  // RFC 6761 keeps .invalid from ever existing.
  const auto unknown = resolve_address("no.such.host.invalid", 80);
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().text.find("cannot resolve \"no.such.host.invalid\": ") == 0);
  CHECK_FALSE(resolve_address("", 80).has_value());
}

TEST_CASE("unix paths fit up to 107 bytes") {
  const auto path = unix_address("/run/a.sock");
  REQUIRE(path.has_value());
  CHECK(path->is_unix());
  CHECK(to_string(*path) == "/run/a.sock");
  const std::string longest(107, 'p');
  REQUIRE(unix_address(longest).has_value());
  CHECK(to_string(*unix_address(longest)) == longest);
  const auto too_long = unix_address(std::string(108, 'p'));
  REQUIRE_FALSE(too_long.has_value());
  CHECK(too_long.error().text.find("at most 107 bytes") != std::string::npos);
  CHECK_FALSE(unix_address("").has_value());
  CHECK_FALSE(unix_address(std::string_view("/a\0b", 4)).has_value());
}

TEST_CASE("addresses are equal when the kernel would not tell them apart") {
  CHECK(*resolve_address("127.0.0.1", 1) == *resolve_address("127.0.0.1", 1));
  CHECK_FALSE(*resolve_address("127.0.0.1", 1) == *resolve_address("127.0.0.1", 2));
  CHECK(*unix_address("/a") == *unix_address("/a"));
  CHECK_FALSE(*unix_address("/a") == *unix_address("/ab"));
  CHECK(Address() == Address());
  CHECK_FALSE(Address().resolved());
  CHECK(to_string(Address()) == "(unresolved)");
}
