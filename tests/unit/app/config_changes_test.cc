#include "app/config_changes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace ringfold;

namespace {

Config config_of(const std::string& text) {
  auto parsed = parse_config(text, "f");
  REQUIRE(parsed);
  return std::move(*parsed);
}

const std::string kBase =
    "[[pool]]\nname = \"x\"\nlisten = \"127.0.0.1:7000\"\n"
    "servers = [\"127.0.0.1:1:1 a\", \"127.0.0.1:2:1 b\"]\n";

std::vector<std::string> changes(const std::string& after) {
  return describe_changes(config_of(kBase), config_of(after));
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t place = text.find(from);
  REQUIRE(place != text.npos);
  return text.replace(place, from.size(), to);
}

}  // namespace

TEST_CASE("the same configuration has no changes") {
  CHECK(changes(kBase).empty());
  CHECK(changes("# a comment\n" + kBase + "timeout_ms = 0\n").empty());
}

TEST_CASE("settings are told with what they were") {
  const auto lines = changes("proxy.memory_limit = \"1GiB\"\n" + kBase + "timeout_ms = 300\n");
  CHECK(lines == std::vector<std::string>{"~ proxy: memory_limit = \"1GiB\" (was 0)",
                                          "~ pool \"x\": timeout_ms = 300 (was 0)"});
}

TEST_CASE("secrets are never told, neither the old nor the new one") {
  const Config before = config_of(kBase + "password = \"first-secret\"\n");
  const Config after =
      config_of("admin.token = \"third-secret-0123\"\n" + kBase + "password = \"second-secret\"\n");
  const auto lines = describe_changes(before, after);
  CHECK(lines ==
        std::vector<std::string>{"~ admin: token = \"***\"", "~ pool \"x\": password = \"***\""});
}

TEST_CASE("servers come, go, move and weigh") {
  const auto find = [](const std::vector<std::string>& lines, const std::string& line) {
    return std::ranges::find(lines, line) != lines.end();
  };
  auto lines = changes(with(kBase, "\"127.0.0.1:2:1 b\"", "\"127.0.0.1:3:2 c\""));
  REQUIRE(lines.size() == 3);
  CHECK(find(lines, "- pool \"x\": server \"b\" 127.0.0.1:2"));
  CHECK(find(lines, "+ pool \"x\": server \"c\" 127.0.0.1:3, weight 2"));
  CHECK(lines.back().ends_with(" % of the keys move"));
  lines = changes(with(kBase, "127.0.0.1:2:1 b", "127.0.0.1:4:1 b"));
  CHECK(find(lines, "~ pool \"x\": server \"b\" 127.0.0.1:4 (was at 127.0.0.1:2)"));
  lines = changes(with(kBase, "127.0.0.1:2:1 b", "127.0.0.1:2:5 b"));
  CHECK(find(lines, "~ pool \"x\": server \"b\" 127.0.0.1:2: weight 5 (was 1)"));
}

TEST_CASE("pools come and go, with their servers") {
  const std::string other = with(with(kBase, "\"x\"", "\"y\""), ":7000", ":7001");
  const std::vector<std::string> added = {"+ pool \"y\"", "+ pool \"y\": server \"a\" 127.0.0.1:1",
                                          "+ pool \"y\": server \"b\" 127.0.0.1:2"};
  CHECK(changes(kBase + other) == added);
  CHECK(describe_changes(config_of(kBase + other), config_of(kBase)) ==
        std::vector<std::string>{"- pool \"y\""});
}
