// What the flags ask for, those of redis-benchmark and memtier_benchmark among them.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "load/command_line.h"

namespace ringfold::load {
namespace {

Expected<std::vector<Plan>> plans(std::vector<const char*> words) {
  words.insert(words.begin(), "load");
  const auto line = parse_command_line(static_cast<int>(words.size()), words.data());
  if (!line) return fail(line.error().text);
  return make_plans(*line);
}

Plan plan(const std::vector<const char*>& words) {
  auto made = plans(words);
  REQUIRE_MESSAGE(made, made.error().text);
  REQUIRE(made->size() == 1);
  return made->front();
}

TEST_CASE("without a word") {
  const Plan made = plan({});
  CHECK(to_string(made.target) == "127.0.0.1:6379");
  CHECK(made.connections == 50);
  CHECK(made.threads == 1);
  CHECK(made.depth == 1);
  CHECK(!made.is_open_loop());
  CHECK(made.seconds == 10);
  CHECK(made.requests == 0);
  REQUIRE(made.recipes.size() == 2);
  CHECK(made.recipes[0].name == "get");
  CHECK(made.recipes[0].weight == 9);
  CHECK(!made.misses_are_faults);
}

TEST_CASE("redis-benchmark's short flags") {
  const Plan made = plan({"-h", "10.0.0.1", "-p", "7000", "-c", "5", "-n", "1000", "-d", "100",
                          "-P", "16", "-r", "77", "-a", "secret", "-q"});
  CHECK(to_string(made.target) == "10.0.0.1:7000");
  CHECK(made.connections == 5);
  CHECK(made.requests == 1000);
  CHECK(made.seconds == 0);
  CHECK(made.values->size_of(1) == 100);
  CHECK(made.depth == 16);
  CHECK(made.keyspace == 77);
  CHECK(made.password == "secret");
  CHECK(plan({"-s", "/run/a.sock"}).target.unix_path == "/run/a.sock");
  const auto tests = plans({"-t", "set,get"});
  REQUIRE(tests);
  REQUIRE(tests->size() == 2);
  CHECK((*tests)[0].name == "set");
  CHECK((*tests)[0].requests == 100'000);
  CHECK((*tests)[1].recipes[0].check == Check::value);
}

TEST_CASE("memtier_benchmark's long names") {
  const Plan made =
      plan({"--server=::1", "--port=7001", "--protocol=memcache_text", "--clients=10",
            "--threads=2", "--pipeline=4", "--data-size=64", "--ratio=1:10", "--key-maximum=1000",
            "--key-pattern=G:G", "--test-time=7", "--rate-limiting=100", "--key-prefix=memtier-"});
  CHECK(made.target.host == "::1");
  CHECK(made.target.port == 7001);
  CHECK(made.protocol == Protocol::memcached);
  CHECK(made.connections == 20);
  CHECK(made.threads == 2);
  CHECK(made.depth == 4);
  CHECK(made.values->size_of(9) == 64);
  REQUIRE(made.recipes.size() == 2);
  CHECK(made.recipes[0].name == "set");
  CHECK(made.recipes[0].weight == 1);
  CHECK(made.recipes[1].weight == 10);
  CHECK(made.keyspace == 1000);
  CHECK(made.distribution.kind == Distribution::gaussian);
  CHECK(made.seconds == 7);
  CHECK(made.rate == 2000);
  CHECK(made.recipes[0].key_prefix == "memtier-");
  CHECK(plan({"--authenticate", "me:secret"}).user == "me");
  CHECK(plan({"--authenticate", "secret"}).password == "secret");
  CHECK(plan({"--data-size-list", "10:1,20:1"}).values->sizes().most() == 20);
}

TEST_CASE("addresses, rates, ratios") {
  CHECK(to_string(plan({"unix:/run/b.sock"}).target) == "unix:/run/b.sock");
  CHECK(plan({"[::1]:99"}).target.port == 99);
  CHECK(plan({"--protocol", "memcached"}).target.port == 11211);
  CHECK(plan({"--rate", "500"}).depth > 1);
  CHECK(plan({"--rate", "500", "-P", "1"}).depth == 1);
  CHECK(plan({"--rate", "500", "--arrivals", "even"}).arrivals == Arrivals::even);
  CHECK(plan({"--hit-ratio", "0.5"}).misses_are_faults);
  CHECK(!plan({"--hit-ratio", "0.5", "--allow-misses"}).misses_are_faults);
  CHECK(!plan({"--fill", "--mix", "get,set,del"}).misses_are_faults);
  CHECK(plan({"--fill", "--mix", "get,incr"}).fills.size() == 2);
  const Plan commands =
      plan({"--command", "LPUSH {key} {value}", "--command", "LLEN {key}", "--command-ratio", "3"});
  REQUIRE(commands.recipes.size() == 2);
  CHECK(commands.recipes[0].weight == 3);
  CHECK(commands.recipes[1].weight == 1);
  CHECK(plan({"--command", "PING", "--mix", "get"}).recipes.size() == 2);
  CHECK(plan({"--command", "PING", "10.0.0.1:5"}).target.port == 5);
}

TEST_CASE("what makes no sense is refused") {
  const std::vector<std::vector<const char*>> bad = {{"--nonsense"},
                                                     {"-c", "0"},
                                                     {"-c", "x"},
                                                     {"--threads", "0"},
                                                     {"--threads", "51"},
                                                     {"--rate", "-1"},
                                                     {"--arrivals", "never"},
                                                     {"--protocol", "http"},
                                                     {"--hit-ratio", "1.5"},
                                                     {"-r", "0"},
                                                     {"--mix", "fly"},
                                                     {"-t", "set", "--mix", "get"},
                                                     {"--replay", "/nowhere"},
                                                     {"--size", "big"},
                                                     {"--ratio", "1"},
                                                     {"--ratio", "0:0"},
                                                     {"--key-pattern", "R:S"},
                                                     {"--key-prefix", "a b"},
                                                     {"--seconds", "-1"},
                                                     {"-t", "fly"},
                                                     {"--protocol", "memcached", "-a", "secret"},
                                                     {"--protocol", "memcached", "-t", "get"},
                                                     {"--command-ratio", "2"},
                                                     {"127.0.0.1:1", "-s", "/a"},
                                                     {"--rate", "1", "--rate-limiting", "1"},
                                                     {"--user", "me"},
                                                     {"nowhere"},
                                                     {"--io", "fast"}};
  for (const auto& words : bad) {
    CAPTURE(words[0]);
    if (words.size() > 1) CAPTURE(words[1]);
    CHECK(!plans(words));
  }
}

TEST_CASE("--help is help, and -h is not") {
  const char* const help[] = {"load", "--help"};
  const auto end = parse_command_line(2, help);
  REQUIRE(!end);
  CHECK(end.error().code == 0);
  CHECK(end.error().text.find("--rate") != std::string::npos);
  CHECK(end.error().text.find("Exit codes") != std::string::npos);
}

}  // namespace
}  // namespace ringfold::load
