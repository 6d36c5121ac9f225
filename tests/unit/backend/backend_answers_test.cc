#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "backend/answer.h"
#include "backend/sabotage.h"
#include "ringfold/base/limits.h"
#include "ringfold/proto/command.h"
#include "ringfold/proto/resp.h"

using namespace ringfold;
using backend::Answered;
using backend::Output;
using backend::Store;

namespace {

struct World {
  explicit World(double hit_ratio = 1)
      : values(load::Sizes::parse("32").value(), 1), store(values, hit_ratio) {}

  std::string redis(const std::vector<std::string>& arguments, Answered* answered = nullptr) const {
    std::string request;
    resp::encode_number_line(request, '*', static_cast<i64>(arguments.size()));
    for (const std::string& argument : arguments) resp::encode_bulk(request, argument);
    const std::size_t size = request.size();
    request.append(kReadablePadding, '\0');
    const std::string_view bytes(request.data(), size);
    RequestFrame frame;
    REQUIRE(resp::parse_request(bytes, 1_GiB, frame) == ParseStatus::complete);
    std::string text;
    Output out(text);
    const Answered kind = backend::answer_redis(store, bytes, frame, out);
    if (answered != nullptr) *answered = kind;
    return text;
  }

  std::string memcached(std::string request) const {
    const std::size_t size = request.size();
    request.append(kReadablePadding, '\0');
    const std::string_view bytes(request.data(), size);
    RequestFrame frame;
    const memcached::CommandRow* row = nullptr;
    REQUIRE(memcached::parse_request(bytes, 1_GiB, frame, row) == ParseStatus::complete);
    REQUIRE(frame.error == nullptr);
    std::string text;
    Output out(text);
    backend::answer_memcached(store, bytes, frame, *row, out);
    return text;
  }

  std::string value(u64 number) const {
    std::string text;
    values.append(text, number);
    return text;
  }

  load::Values values;
  Store store;
};

bool is_one_redis_reply(const std::string& reply) {
  const std::string padded = reply + std::string(kReadablePadding, '\0');
  resp::ReplyFrame frame;
  std::size_t consumed = 0;
  const ParseStatus status =
      resp::parse_reply(std::string_view(padded.data(), reply.size()), frame, consumed);
  return status == ParseStatus::complete && consumed == reply.size();
}

bool is_one_memcached_reply(const std::string& reply, memcached::ReplyShape shape) {
  const std::string padded = reply + std::string(kReadablePadding, '\0');
  memcached::ReplyFrame frame;
  std::size_t consumed = 0;
  const ParseStatus status =
      memcached::parse_reply(std::string_view(padded.data(), reply.size()), shape, frame, consumed);
  return status == ParseStatus::complete && consumed == reply.size();
}

}  // namespace

TEST_CASE("a key's number stands at its end") {
  CHECK(backend::number_of_key("key:000000012345") == 12345);
  CHECK(backend::number_of_key("memtier-77") == 77);
  CHECK(backend::number_of_key("5") == 5);
  CHECK(backend::number_of_key("k1234567890123") == 234567890123);
  CHECK(backend::number_of_key("a") != backend::number_of_key("b"));
}

TEST_CASE("reads get the value that follows from the key") {
  const World world;
  const std::string bulk = "$32\r\n" + world.value(7) + "\r\n";
  CHECK(world.redis({"GET", "key:000000000007"}) == bulk);
  CHECK(world.redis({"mget", "a7", "b7"}) == "*2\r\n" + bulk + bulk);
  CHECK(world.redis({"EXISTS", "k1", "k2", "k1"}) == ":3\r\n");
  CHECK(world.redis({"STRLEN", "k1"}) == ":32\r\n");
  CHECK(world.memcached("get k7\r\n") == "VALUE k7 0 32\r\n" + world.value(7) + "\r\nEND\r\n");
  CHECK(world.memcached("gets k7\r\n") == "VALUE k7 0 32 1\r\n" + world.value(7) + "\r\nEND\r\n");
  CHECK(world.memcached("gat 0 k7\r\n") == "VALUE k7 0 32\r\n" + world.value(7) + "\r\nEND\r\n");
  CHECK(world.memcached("mg k7 v\r\n") == "VA 32\r\n" + world.value(7) + "\r\n");
  CHECK(world.memcached("mg k7 v k O9 s f q\r\n") ==
        "VA 32 kk7 O9 s32 f0\r\n" + world.value(7) + "\r\n");
}

TEST_CASE("what is not there is missed") {
  const World empty(0);
  CHECK(empty.redis({"get", "k1"}) == "$-1\r\n");
  CHECK(empty.redis({"mget", "k1", "k2"}) == "*2\r\n$-1\r\n$-1\r\n");
  CHECK(empty.redis({"del", "k1"}) == ":0\r\n");
  CHECK(empty.memcached("get k1 k2\r\n") == "END\r\n");
  CHECK(empty.memcached("mg k1 v\r\n") == "EN\r\n");
  CHECK(empty.memcached("mg k1 v q\r\n").empty());
  const World full(1);
  CHECK(full.redis({"get", "key:500000000000"}) == "$-1\r\n");
  const World half(0.5);
  u64 hits = 0;
  for (u64 i = 0; i < 10'000; ++i) {
    hits += half.redis({"exists", "key:" + std::to_string(i)}) == ":1\r\n" ? 1u : 0u;
  }
  CHECK(hits > 4900);
  CHECK(hits < 5100);
}

TEST_CASE("writes are taken, quiet ones in silence") {
  const World world;
  CHECK(world.redis({"set", "k", "v"}) == "+OK\r\n");
  CHECK(world.redis({"mset", "a", "1", "b", "2"}) == "+OK\r\n");
  CHECK(world.redis({"incr", "k"}) == ":1\r\n");
  CHECK(world.memcached("set k 0 0 2\r\nhi\r\n") == "STORED\r\n");
  CHECK(world.memcached("set k 0 0 2 noreply\r\nhi\r\n").empty());
  CHECK(world.memcached("incr k 1\r\n") == "1\r\n");
  CHECK(world.memcached("delete k\r\n") == "DELETED\r\n");
  CHECK(world.memcached("touch k 1\r\n") == "TOUCHED\r\n");
  CHECK(world.memcached("flush_all\r\n") == "OK\r\n");
  CHECK(world.memcached("ms k 2 O5\r\nhi\r\n") == "HD O5\r\n");
  CHECK(world.memcached("ms k 2 q\r\nhi\r\n").empty());
  CHECK(world.memcached("md k\r\n") == "HD\r\n");
  CHECK(world.memcached("mn\r\n") == "MN\r\n");
}

TEST_CASE("every command of Redis gets one whole reply") {
  const World world;
  for (const CommandSpec& spec : resp::command_table()) {
    if (spec.name.find('|') != std::string_view::npos) continue;
    CAPTURE(spec.name);
    const u32 least = static_cast<u32>(spec.arity < 0 ? -spec.arity : spec.arity);
    std::vector<std::string> arguments(least, "1");
    arguments[0] = std::string(spec.name);
    CHECK(is_one_redis_reply(world.redis(arguments)));
    arguments.resize(least + 40, "1");
    CHECK(is_one_redis_reply(world.redis(arguments)));
  }
  Answered answered;
  CHECK(world.redis({"nonsense"}, &answered).starts_with("-ERR unknown command"));
  CHECK(answered.is_error);
  CHECK(world.redis({"quit"}, &answered) == "+OK\r\n");
  CHECK(answered.closes);
}

TEST_CASE("a corrupted reply is still a reply, with one byte changed") {
  const World world;
  Prng prng(3);
  const std::string value = world.redis({"get", "k1"});
  for (const std::string& right :
       {value, world.redis({"mget", "k1", "k2"}), std::string("+OK\r\n"), std::string(":10\r\n")}) {
    CAPTURE(right);
    for (int i = 0; i < 200; ++i) {
      std::string wrong = right;
      REQUIRE(backend::corrupt_reply(Protocol::redis, wrong, prng));
      REQUIRE(is_one_redis_reply(wrong));
      REQUIRE(wrong.size() == right.size());
      u32 differences = 0;
      for (std::size_t at = 0; at < right.size(); ++at) differences += wrong[at] != right[at];
      REQUIRE(differences == 1);
    }
  }
  std::string null = "$-1\r\n";
  CHECK(backend::corrupt_reply(Protocol::redis, null, prng));
  CHECK(null == "$0\r\n\r\n");
  for (const char* spared : {"-ERR no\r\n", ":-1\r\n", "*0\r\n", "$0\r\n\r\n"}) {
    std::string reply = spared;
    CHECK_FALSE(backend::corrupt_reply(Protocol::redis, reply, prng));
    CHECK(reply == spared);
  }
}

TEST_CASE("a corrupted memcached reply keeps its shape too") {
  using enum memcached::ReplyShape;
  const World world;
  Prng prng(3);
  struct Case {
    std::string right;
    memcached::ReplyShape shape;
  };
  const Case cases[] = {{world.memcached("get k1 k2\r\n"), values},
                        {world.memcached("mg k1 v\r\n"), meta},
                        {"STORED\r\n", line},
                        {"1\r\n", line}};
  for (const Case& each : cases) {
    CAPTURE(each.right);
    for (int i = 0; i < 200; ++i) {
      std::string wrong = each.right;
      REQUIRE(backend::corrupt_reply(Protocol::memcached, wrong, prng));
      REQUIRE(wrong != each.right);
      REQUIRE(is_one_memcached_reply(wrong, each.shape));
    }
  }
  for (const char* spared : {"END\r\n", "EN\r\n", "HD\r\n", "SERVER_ERROR no\r\n"}) {
    std::string reply = spared;
    CHECK_FALSE(backend::corrupt_reply(Protocol::memcached, reply, prng));
    CHECK(reply == spared);
  }
}

TEST_CASE("sabotage owes what it could not do") {
  backend::Sabotage sabotage({.corruptions = 1}, 1);
  std::string reply = "*0\r\n";
  CHECK_FALSE(sabotage.corrupt(Protocol::redis, reply));
  backend::Sabotage none({}, 1);
  reply = "+OK\r\n";
  CHECK_FALSE(none.corrupt(Protocol::redis, reply));
  CHECK_FALSE(none.wants_swap());
  CHECK_FALSE(none.wants_error());
  backend::Sabotage rare({.corruptions = 1e-3, .swaps = 1e-3}, 1);
  u32 corrupted = 0;
  u32 swapped = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    reply = "+OK\r\n";
    corrupted += rare.corrupt(Protocol::redis, reply);
    if (!rare.wants_swap()) continue;
    ++swapped;
    rare.swap_done();
  }
  CHECK(corrupted > 850);
  CHECK(corrupted < 1150);
  CHECK(swapped > 850);
  CHECK(swapped < 1150);
}
