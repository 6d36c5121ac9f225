// The bytes of requests: mixes, templates, and tests by redis-benchmark's names.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "load/benchmark_tests.h"
#include "load/command_template.h"
#include "load/recipe.h"

namespace ringfold::load {
namespace {

const Values& values() {
  static const Values made(*Sizes::parse("10"), 0);
  return made;
}

std::string request(Recipe recipe, const std::vector<u64>& keys) {
  std::string text;
  append_request(text, recipe, values(), [&keys](u32 index) { return keys[index]; });
  return text;
}

std::string mix_request(Protocol protocol, const char* name, const std::vector<u64>& keys) {
  const auto recipe = builtin_recipe(protocol, name, "k:");
  REQUIRE(recipe);
  CHECK(recipe->key_count == keys.size());
  return request(*recipe, keys);
}

std::string templated(Protocol protocol, const char* text, const std::vector<u64>& keys) {
  const auto recipe = parse_template(protocol, text, "k:");
  REQUIRE(recipe);
  CHECK(recipe->key_count == keys.size());
  return request(*recipe, keys);
}

TEST_CASE("Redis requests of a mix") {
  const Protocol redis = Protocol::redis;
  CHECK(mix_request(redis, "get", {7}) == "*2\r\n$3\r\nGET\r\n$14\r\nk:000000000007\r\n");
  CHECK(mix_request(redis, "set", {7}) ==
        "*3\r\n$3\r\nSET\r\n$14\r\nk:000000000007\r\n$10\r\n" + value_text(values(), 7) + "\r\n");
  CHECK(mix_request(redis, "mget2", {1, 999'999'999'999}) ==
        "*3\r\n$4\r\nMGET\r\n$14\r\nk:000000000001\r\n$14\r\nk:999999999999\r\n");
  CHECK(mix_request(redis, "get2", {1, 2}) == mix_request(redis, "mget2", {1, 2}));
  CHECK(mix_request(redis, "incr", {3}) == "*2\r\n$4\r\nINCR\r\n$22\r\nk:counter:000000000003\r\n");
  CHECK(mix_request(redis, "del", {3}) == "*2\r\n$3\r\nDEL\r\n$14\r\nk:000000000003\r\n");
}

TEST_CASE("memcached requests of a mix") {
  const Protocol memcached = Protocol::memcached;
  CHECK(mix_request(memcached, "get", {7}) == "get k:000000000007\r\n");
  CHECK(mix_request(memcached, "mget2", {1, 2}) == "get k:000000000001 k:000000000002\r\n");
  CHECK(mix_request(memcached, "set", {7}) ==
        "set k:000000000007 0 0 10\r\n" + value_text(values(), 7) + "\r\n");
  CHECK(mix_request(memcached, "incr", {3}) == "incr k:counter:000000000003 1\r\n");
  CHECK(mix_request(memcached, "del", {3}) == "delete k:000000000003\r\n");
}

TEST_CASE("weights, and mixes that are none") {
  const auto mix = parse_mix(Protocol::redis, "get:9,set:1,mget10,del:0", "k:");
  REQUIRE(mix);
  REQUIRE(mix->size() == 3);
  CHECK((*mix)[0].weight == 9);
  CHECK((*mix)[1].weight == 1);
  CHECK((*mix)[2].weight == 1);
  for (const char* bad : {"", "put", "get:x", "get:-1", "get:", "mget", "mget0", "mget:3x", "set:0",
                          "set2", "mget10001"}) {
    CAPTURE(bad);
    CHECK(!parse_mix(Protocol::redis, bad, "k:"));
  }
}

TEST_CASE("Redis templates") {
  const Protocol redis = Protocol::redis;
  const std::string value = value_text(values(), 5);
  CHECK(templated(redis, "LPUSH {key} {value}", {5}) ==
        "*3\r\n$5\r\nLPUSH\r\n$14\r\nk:000000000005\r\n$10\r\n" + value + "\r\n");
  CHECK(templated(redis, "LPUSH list {value}", {5}) ==
        "*3\r\n$5\r\nLPUSH\r\n$4\r\nlist\r\n$10\r\n" + value + "\r\n");
  CHECK(templated(redis, "SET __key__ __data__", {5}) == mix_request(redis, "set", {5}));
  CHECK(templated(redis, "PING", {}) == "*1\r\n$4\r\nPING\r\n");
  CHECK(templated(redis, "HSET \"a b\" f:{key}:{key} {value}", {4, 5}) ==
        "*4\r\n$4\r\nHSET\r\n$3\r\na b\r\n$31\r\nf:k:000000000004:k:000000000005\r\n$10\r\n" +
            value + "\r\n");
  CHECK(templated(redis, "MSET {key} {value} {key} {value}", {4, 5}) ==
        "*5\r\n$4\r\nMSET\r\n$14\r\nk:000000000004\r\n$10\r\n" + value_text(values(), 4) +
            "\r\n$14\r\nk:000000000005\r\n$10\r\n" + value + "\r\n");
  CHECK(parse_template(redis, "get {key}", "")->check == Check::value);
  CHECK(parse_template(redis, "MGET {key} {key}", "")->check == Check::values);
  CHECK(parse_template(redis, "MGET {key} other", "")->check == Check::type);
  CHECK(parse_template(redis, "SET {key} {value}", "")->check == Check::stored);
  CHECK(parse_template(redis, "SET {key} x", "")->check == Check::type);
  CHECK(parse_template(redis, "lpush l x", "")->reply_types == ":");
  for (const char* bad : {"", "  ", "SET {key} a{value}", "GET \"x", "SUBSCRIBE x", "monitor",
                          "GET a\r\nGET b", "CLIENT REPLY OFF"}) {
    CAPTURE(bad);
    CHECK(!parse_template(redis, bad, "k:"));
  }
}

TEST_CASE("memcached templates") {
  const Protocol memcached = Protocol::memcached;
  CHECK(templated(memcached, "touch {key} 60", {5}) == "touch k:000000000005 60\r\n");
  CHECK(templated(memcached, "add {key} 0 60 {value}", {5}) ==
        "add k:000000000005 0 60 10\r\n" + value_text(values(), 5) + "\r\n");
  CHECK(parse_template(memcached, "touch {key} 60", "")->shape == memcached::ReplyShape::line);
  CHECK(parse_template(memcached, "mg {key} v", "")->shape == memcached::ReplyShape::meta);
  CHECK(parse_template(memcached, "get {key} {key}", "")->check == Check::values);
  CHECK(parse_template(memcached, "get {key}", "")->check == Check::value);
  CHECK(parse_template(memcached, "gets {key}", "")->check == Check::type);
  for (const char* bad : {"", "hello", "set {key} 0 0 {value} x", "set {key} 0 0 5",
                          "delete {key} noreply", "quit", "mg {key} v q", "get"}) {
    CAPTURE(bad);
    CHECK(!parse_template(memcached, bad, "k:"));
  }
}

TEST_CASE("every test of redis-benchmark is a command, and lists are filled before they are read") {
  const auto tests = find_tests(
      "ping,ping_inline,ping_mbulk,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,"
      "lrange_100,lrange_300,lrange_500,lrange_600,mset");
  REQUIRE(tests);
  CHECK(tests->size() == 20);
  for (const BenchmarkTest& test : *tests) {
    CAPTURE(test.name);
    CHECK(parse_template(Protocol::redis, test.command, "k:"));
  }
  const auto ranges = find_tests("get,lrange");
  REQUIRE(ranges);
  REQUIRE(ranges->size() == 6);
  CHECK((*ranges)[1].command.starts_with("LPUSH mylist"));
  CHECK((*ranges)[2].name == "lrange_100");
  CHECK(!find_tests("nonsense"));
}

}  // namespace
}  // namespace ringfold::load
