#include "ringfold/hash/shard_map.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "pools.h"
#include "ringfold/base/prng.h"
#include "ringfold/hash/distributions.h"

using namespace ringfold;
using namespace ringfold::testing;

namespace {

std::atomic<u64> allocation_count{0};

void* counted(std::size_t size) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

// The whole test program counts its allocations, so that a test can say "none".
void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return counted(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

TEST_CASE("the hashed part of a key is what stands in the first tag, if anything does") {
  CHECK(hashed_part("abc", "") == "abc");
  CHECK(hashed_part("a{b}c", "") == "a{b}c");
  CHECK(hashed_part("abc", "{}") == "abc");
  CHECK(hashed_part("", "{}") == "");
  CHECK(hashed_part("{user}:1", "{}") == "user");
  CHECK(hashed_part("a{b}c", "{}") == "b");
  CHECK(hashed_part("a{b}", "{}") == "b");
  CHECK(hashed_part("{}x", "{}") == "{}x");
  CHECK(hashed_part("{}{a}", "{}") == "{}{a}");
  CHECK(hashed_part("a}{b}", "{}") == "b");
  CHECK(hashed_part("{{a}", "{}") == "{a");
  CHECK(hashed_part("{a}{b}", "{}") == "a");
  CHECK(hashed_part("{a", "{}") == "{a");
  CHECK(hashed_part("a}", "{}") == "a}");
  CHECK(hashed_part("}a{", "{}") == "}a{");
  CHECK(hashed_part("{", "{}") == "{");
  CHECK(hashed_part("p$a$s", "$$") == "a");
  CHECK(hashed_part("$$a$", "$$") == "$$a$");
  CHECK(hashed_part("p$a", "$$") == "p$a");
  CHECK(hashed_part("[a]", "[]") == "a");
  const std::string zeros("x\0a\0y", 5);
  CHECK(hashed_part(zeros, std::string_view("\0\0", 2)) == "a");
}

TEST_CASE("names of distributions are read back, and nothing else is") {
  std::set<std::string_view> names;
  for (const Distribution distribution : kAllDistributions) {
    CHECK(parse_distribution(to_string(distribution)) == distribution);
    names.insert(to_string(distribution));
  }
  CHECK(names.size() == 6);
  for (const std::string_view wrong : {"", "Ketama", "ketam", "ketama ", "hash"}) {
    CHECK_FALSE(parse_distribution(wrong).has_value());
  }
}

TEST_CASE("keys with one hash tag meet, except under random") {
  for (const Distribution distribution : kAllDistributions) {
    const auto map = ShardMap::build({distribution, HashKind::xxh3, "{}"}, make_servers(10));
    if (distribution == Distribution::random) continue;
    std::set<u32> tagged, plain;
    for (int index = 0; index < 200; ++index) {
      const std::string number = std::to_string(index);
      tagged.insert(map.route("{user:7}:" + number, 0));
      plain.insert(map.route("user:7:" + number, 0));
    }
    CHECK(tagged.size() == 1);
    CHECK(*tagged.begin() == map.route("user:7", 0));
    CHECK(plain.size() == 10);
  }
}

TEST_CASE("a pool of one server sends every key there, even when it is ejected") {
  for (const Distribution distribution : kAllDistributions) {
    for (const bool live : {true, false}) {
      const std::vector<ShardServer> servers = {{"only", 3, live}};
      const auto map = ShardMap::build({distribution, HashKind::md5, "{}"}, servers);
      CHECK(map.server_count() == 1);
      CHECK_FALSE(map.random());
      for (u64 index = 0; index < 100; ++index) CHECK(map.route(make_key(index), index) == 0);
    }
  }
}

TEST_CASE("only a pool of several servers under random is random") {
  for (const Distribution distribution : kAllDistributions) {
    const auto map = ShardMap::build({distribution, HashKind::fnv1a_64, ""}, make_servers(2));
    CHECK(map.random() == (distribution == Distribution::random));
  }
}

TEST_CASE("with every server ejected the map is that of all of them") {
  for (const Distribution distribution : kAllDistributions) {
    auto servers = make_servers(7);
    const ShardOptions options{distribution, HashKind::fnv1a_64, ""};
    const auto all_live = ShardMap::build(options, servers);
    for (ShardServer& server : servers) server.live = false;
    const auto all_ejected = ShardMap::build(options, servers);
    for (u64 index = 0; index < 2000; ++index) {
      CHECK(all_live.route(make_key(index), index) == all_ejected.route(make_key(index), index));
    }
  }
}

TEST_CASE("no key goes to an ejected server, and every live one gets some") {
  for (const Distribution distribution : kAllDistributions) {
    auto servers = make_servers(9);
    for (const u32 ejected : {0u, 4u, 5u, 8u}) servers[ejected].live = false;
    const auto map = ShardMap::build({distribution, HashKind::murmur, ""}, servers);
    std::vector<u32> counts(servers.size());
    Prng prng(1);
    for (u64 index = 0; index < 5000; ++index) ++counts[map.route(make_key(index), prng.next())];
    for (std::size_t server = 0; server < servers.size(); ++server) {
      CHECK((counts[server] > 0) == servers[server].live);
    }
  }
}

TEST_CASE("modula is the table that twemproxy would write out") {
  // Shorter names first, then by unsigned bytes; each as often as it weighs.
  const std::vector<ShardServer> servers = {
      {"bb", 2, true}, {"c", 3, true}, {"\xc3", 1, true}, {"aa", 4, true}, {"b", 5, false}};
  const auto map = ShardMap::build({Distribution::modula, HashKind::murmur, ""}, servers);
  const std::array<u32, 10> table = {1, 1, 1, 2, 3, 3, 3, 3, 0, 0};
  for (u64 index = 0; index < 2000; ++index) {
    const std::string key = make_key(index);
    CHECK(map.route(key, 0) == table[hash_key(HashKind::murmur, key) % table.size()]);
  }
}

TEST_CASE("weights that add up past all hashes do not wrap") {
  const std::vector<Member> huge = {
      {"a", 0, UINT32_MAX, true}, {"b", 1, UINT32_MAX, true}, {"c", 2, 1, true}};
  const ModulaTable modula(huge);
  CHECK(modula.find(0) == 0);
  CHECK(modula.find(UINT32_MAX - 1) == 0);
  CHECK(modula.find(UINT32_MAX) == 1);
  const std::vector<Member> just_all = {{"a", 0, UINT32_MAX - 1, true}, {"b", 1, 1, true}};
  const ModulaTable reduced(just_all);
  CHECK(reduced.find(UINT32_MAX - 2) == 0);
  CHECK(reduced.find(UINT32_MAX - 1) == 1);
  CHECK(reduced.find(UINT32_MAX) == 0);

  std::vector<ShardServer> servers = make_servers(4);
  for (ShardServer& server : servers) server.weight = UINT32_MAX;
  servers[3].weight = 1;
  for (const Distribution distribution :
       {Distribution::ketama, Distribution::jump, Distribution::maglev, Distribution::rendezvous}) {
    const auto map = ShardMap::build({distribution, HashKind::xxh3, ""}, servers);
    std::vector<u32> counts(servers.size());
    for (u64 index = 0; index < 3000; ++index) ++counts[map.route(make_key(index), 0)];
    for (const u32 server : {0u, 1u, 2u}) CHECK(counts[server] > 700);
    CHECK(counts[3] == 0);
  }
}

TEST_CASE("random takes any live server alike and ignores weights") {
  std::vector<ShardServer> servers = {{"a", 1, true}, {"b", 9, true}, {"c", 5, false}};
  const auto map = ShardMap::build({Distribution::random, HashKind::fnv1a_64, ""}, servers);
  Prng prng(3);
  std::array<u32, 3> counts{};
  for (int tries = 0; tries < 10000; ++tries) ++counts[map.route("same key", prng.next())];
  // Five standard deviations of 10000 fair throws are 250.
  CHECK(counts[0] > 4750);
  CHECK(counts[0] < 5250);
  CHECK(counts[2] == 0);
}

TEST_CASE("the order of the configuration decides nothing but jump") {
  for (const Distribution distribution : kAllDistributions) {
    if (distribution == Distribution::random || distribution == Distribution::jump) continue;
    const auto servers = make_servers(12, {3, 1, 2});
    const std::vector<ShardServer> reversed(servers.rbegin(), servers.rend());
    const ShardOptions options{distribution, HashKind::fnv1a_64, ""};
    const auto map = ShardMap::build(options, servers);
    const auto reversed_map = ShardMap::build(options, reversed);
    for (u64 index = 0; index < 3000; ++index) {
      const std::string key = make_key(index);
      CHECK(servers[map.route(key, 0)].name == reversed[reversed_map.route(key, 0)].name);
    }
  }
}

TEST_CASE("a map can be moved and copied, and outlives what it was built from") {
  for (const Distribution distribution : kAllDistributions) {
    std::vector<u32> expected;
    ShardMap moved;
    {
      auto servers = make_servers(5);
      ShardOptions options{distribution, HashKind::fnv1a_64, "{}"};
      ShardMap map = ShardMap::build(options, servers);
      for (u64 index = 0; index < 500; ++index)
        expected.push_back(map.route(make_key(index), index));
      moved = std::move(map);
    }
    const ShardMap copy = moved;
    for (u64 index = 0; index < 500; ++index) {
      CHECK(moved.route(make_key(index), index) == expected[index]);
      CHECK(copy.route(make_key(index), index) == expected[index]);
    }
  }
}

TEST_CASE("threads share a map") {
  for (const Distribution distribution : kAllDistributions) {
    const auto map = ShardMap::build({distribution, HashKind::md5, "{}"}, make_servers(20));
    const auto route_all = [&map] {
      std::vector<u32> routes;
      for (u64 index = 0; index < 1000; ++index)
        routes.push_back(map.route(make_key(index), index));
      return routes;
    };
    const auto expected = route_all();
    std::array<std::vector<u32>, 4> seen;
    {
      std::vector<std::jthread> threads;
      for (auto& routes : seen) threads.emplace_back([&] { routes = route_all(); });
    }
    for (const auto& routes : seen) CHECK(routes == expected);
  }
}

TEST_CASE("a look-up takes no memory") {
  const std::vector<std::string> keys = {"k", "{tag}key", std::string(300, 'x'), ""};
  const std::vector<ShardServer> servers = make_servers(30, {1, 2});
  for (const Distribution distribution : kAllDistributions) {
    for (u8 kind = 0; kind <= static_cast<u8>(HashKind::xxh3); ++kind) {
      const auto map = ShardMap::build({distribution, static_cast<HashKind>(kind), "{}"}, servers);
      u32 sum = 0;
      const u64 before = allocation_count.load();
      for (const std::string& key : keys) sum += map.route(key, sum);
      const u64 after = allocation_count.load();
      CHECK(after == before);
      CHECK(sum < keys.size() * servers.size());
    }
  }
  CHECK(allocation_count.load() > 0);
}
