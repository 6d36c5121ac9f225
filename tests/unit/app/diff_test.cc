// `ringfold diff` without the program around it.
#include "app/diff.h"

#include <doctest/doctest.h>

#include <cstdlib>

namespace ringfold {
namespace {

Config make_config(const std::string& pools) {
  const auto config = parse_config(pools, "f");
  REQUIRE(config);
  return *config;
}

std::string pool(const std::string& name, int port, const std::string& servers,
                 const std::string& more = "") {
  return "[[pool]]\nname = \"" + name + "\"\nlisten = \"h:" + std::to_string(port) +
         "\"\nservers = [" + servers + "]\n" + more;
}

std::string differ(const std::string& before, const std::string& after,
                   const std::string& name = "") {
  const auto text =
      describe_difference(make_config(before), make_config(after), {"a.toml", "b.toml", name});
  return text ? *text : "error: " + text.error().text;
}

// The number in front of " %" behind the last blank before it, in the line with all words.
double percentage(const std::string& text, const std::string& word, int column) {
  std::string line = text.substr(text.find(word));
  line = line.substr(0, line.find('\n'));
  double value = -1;
  for (std::size_t at = line.find(" %"); column >= 0; --column, at = line.find(" %", at + 1)) {
    REQUIRE(at != std::string::npos);
    value = std::strtod(line.c_str() + line.rfind(' ', at - 1) + 1, nullptr);
  }
  return value;
}

constexpr const char* kTwo = "\"h:1:1 a\", \"h:2:1 b\"";
constexpr const char* kThree = "\"h:1:1 a\", \"h:2:1 b\", \"h:3:1 c\"";

TEST_CASE("the same pool moves nothing") {
  const std::string text = differ(pool("p", 1, kThree), pool("p", 2, kThree));
  CHECK(text.starts_with("pool \"p\": 0.00 % of the keys move\n"));
  CHECK(text.ends_with("(95 % confidence).\n"));
}

TEST_CASE("a new server takes its share and no more") {
  for (const char* distribution : {"ketama", "maglev", "rendezvous", "jump"}) {
    CAPTURE(distribution);
    const std::string more = std::string("distribution = \"") + distribution + "\"\n";
    const std::string text = differ(pool("p", 1, kTwo, more), pool("p", 1, kThree, more));
    CHECK(percentage(text, "pool \"p\":", 0) == doctest::Approx(33.3).epsilon(0.2));
    CHECK(percentage(text, "  a ", 0) == doctest::Approx(50).epsilon(0.2));
    CHECK(percentage(text, "  a ", 1) == doctest::Approx(33.3).epsilon(0.2));
    CHECK(text.find("  c       h:3             -") != std::string::npos);
    CHECK(percentage(text, "  c ", 0) == doctest::Approx(33.3).epsilon(0.2));
  }
}

TEST_CASE("modula moves two of three keys") {
  const std::string more = "distribution = \"modula\"\n";
  const std::string text = differ(pool("p", 1, kTwo, more), pool("p", 1, kThree, more));
  CHECK(percentage(text, "pool \"p\":", 0) == doctest::Approx(66.7).epsilon(0.02));
}

TEST_CASE("weights are in the shares") {
  const std::string more = "distribution = \"rendezvous\"\n";
  const std::string text =
      differ(pool("p", 1, kTwo, more), pool("p", 1, "\"h:1:3 a\", \"h:2:1 b\"", more));
  CHECK(percentage(text, "  a ", 1) == doctest::Approx(75).epsilon(0.01));
  CHECK(percentage(text, "pool \"p\":", 0) == doctest::Approx(25).epsilon(0.03));
}

TEST_CASE("a server that keeps its name at another address has moved with its keys") {
  const std::string text = differ(pool("p", 1, "\"h:1:1 a\""), pool("p", 1, "\"h:9:1 a\""));
  CHECK(text.starts_with("pool \"p\": 100.00 % of the keys move\n"));
  CHECK(text.find("server \"a\" is at h:9 instead of h:1") != std::string::npos);
}

TEST_CASE("pools of one file only are named, and --pool picks one") {
  const std::string before = pool("p", 1, kTwo) + pool("old", 2, kTwo);
  const std::string after = pool("new", 1, kTwo) + pool("p", 2, kTwo);
  const std::string all = differ(before, after);
  CHECK(all.find("pool \"old\": only in a.toml\n") != std::string::npos);
  CHECK(all.find("pool \"new\": only in b.toml\n") != std::string::npos);
  CHECK(all.find("pool \"p\": 0.00 %") != std::string::npos);
  CHECK(differ(before, after, "old") == "pool \"old\": only in a.toml\n");
  CHECK(differ(before, after, "new") == "pool \"new\": only in b.toml\n");
  CHECK(differ(before, after, "p").find("only in") == std::string::npos);
  CHECK(differ(before, after, "none").starts_with("error: there is no pool \"none\""));
}

TEST_CASE("random keys have no place to move from") {
  const std::string more = "distribution = \"random\"\n";
  const std::string text = differ(pool("p", 1, kTwo, more), pool("p", 1, kThree, more));
  CHECK(text.starts_with("pool \"p\": keys of a random distribution have no fixed server\n"));
  CHECK(percentage(text, "  a ", 1) == doctest::Approx(33.3).epsilon(0.02));
}

}  // namespace
}  // namespace ringfold
