// What `ringfold -t` warns of.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "ringfold/config.h"

namespace ringfold {
namespace {

constexpr u64 kPlenty = 1'000'000;

std::vector<ConfigError> warnings_of(const std::string& text, u64 open_files_max = kPlenty) {
  const auto examined = examine_config(text, "f", open_files_max);
  REQUIRE(examined);
  CHECK(!examined->config.pools.empty());
  return examined->warnings;
}

std::string pool(const std::string& hash, const std::string& distribution,
                 const std::string& servers = "\"h:1:1 a\", \"h:2:1 b\", \"h:3:1 c\"") {
  return "[[pool]]\nname = \"p\"\nlisten = \"h:9\"\nhash = \"" + hash + "\"\ndistribution = \"" +
         distribution + "\"\nservers = [" + servers + "]\n";
}

bool holds(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

TEST_CASE("crc32 with ketama puts all keys on one server, which is said at the hash") {
  const auto warnings = warnings_of(pool("crc32", "ketama"));
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].file == "f");
  CHECK(warnings[0].line == 4);
  CHECK(warnings[0].column == 8);
  for (const char* word : {"\"p\"", "crc32", "ketama", "100.0 %", "33.3 %"}) {
    CAPTURE(word);
    CHECK(holds(warnings[0].message, word));
  }
}

TEST_CASE("the other pairs of hash and distribution spread well") {
  for (const char* hash :
       {"one_at_a_time", "md5", "crc16", "crc32", "crc32a", "fnv1_64", "fnv1a_64", "fnv1_32",
        "fnv1a_32", "hsieh", "murmur", "jenkins", "xxh3"}) {
    for (const char* distribution :
         {"ketama", "modula", "jump", "maglev", "rendezvous", "random"}) {
      CAPTURE(hash);
      CAPTURE(distribution);
      const bool is_bad =
          std::string_view(hash) == "crc32" && std::string_view(distribution) == "ketama";
      CHECK(warnings_of(pool(hash, distribution)).size() == (is_bad ? 1 : 0));
    }
  }
}

TEST_CASE("a server of too little weight for a point of ketama is missed") {
  const std::string servers = "\"h:1:1000 large\", \"h:2:3 small\"";
  const auto warnings = warnings_of(pool("md5", "ketama", servers));
  REQUIRE(warnings.size() == 1);
  CHECK(holds(warnings[0].message, "\"small\" gets 0.0 %"));
  CHECK(warnings_of(pool("md5", "rendezvous", servers)).empty());
  CHECK(warnings_of(pool("md5", "ketama", "\"h:1:1 only\"")).empty());
}

TEST_CASE("crc32 has too few values for many weights under modula") {
  const auto warnings =
      warnings_of(pool("crc32", "modula", "\"h:1:100000 first\", \"h:2:100000 second\""));
  REQUIRE(warnings.size() == 1);
  CHECK(holds(warnings[0].message, "\"first\" gets 100.0 %"));
}

TEST_CASE("two servers at one address are named") {
  const auto warnings =
      warnings_of(pool("md5", "ketama", "\"h:1:1 a\",\n  \"h:2:1 b\",\n  \"h:1:1 c\""));
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].line == 8);
  CHECK(warnings[0].column == 3);
  for (const char* word : {"\"c\"", "\"a\"", "line 6", "h:1"}) {
    CAPTURE(word);
    CHECK(holds(warnings[0].message, word));
  }
  CHECK(warnings_of(pool("md5", "ketama", "\"h:1:1 a\"") + "[[pool]]\nname = \"q\"\n" +
                    "listen = \"h:8\"\nservers = [\"h:1:1 a\"]\n")
            .empty());
}

TEST_CASE("descriptors are counted with clients, servers of every thread and listeners") {
  const std::string text =
      "[proxy]\nthreads = 4\n[[pool]]\nname = \"p\"\nlisten = [\"h:9\", \"h:10\"]\n"
      "servers = [\"h:1:1 a\", \"h:2:1 b\"]\nserver_connections = 3\nclient_connections = 1000\n"
      "[[pool]]\nname = \"q\"\nlisten = \"h:11\"\nservers = [\"h:1:1 a\"]\n";
  const auto warnings = warnings_of(text, 1024);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].line == 3);  // the pool that needs most
  for (const char* word : {"1000 clients", "28 connections to servers", "12 listeners", "1024"}) {
    CAPTURE(word);
    CHECK(holds(warnings[0].message, word));
  }
  // 1000 + 28 + 12, and 16 + 4 * 2 for itself.
  CHECK(warnings_of(text, 1063).size() == 1);
  CHECK(warnings_of(text, 1064).empty());
}

TEST_CASE("errors come first") {
  CHECK(!examine_config(pool("crc32", "ketama") + "x = 1\n", "f", 1));
  CHECK(!examine_config_file("/nonexistent"));
}

}  // namespace
}  // namespace ringfold
