// What the judges take for right, whole and in the fast way as well as the slow one, and that any
// other reply is a mismatch, an error or a miss.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <memory>
#include <string>
#include <vector>

#include "load/judge.h"
#include "ringfold/base/limits.h"

namespace ringfold::load {
namespace {

// One request and what its replies are counted as.
template <class Judge>
class Court {
 public:
  Court(Protocol protocol, const char* name, std::vector<u64> keys, const char* size = "12") {
    plan_.protocol = protocol;
    plan_.values = std::make_shared<Values>(*Sizes::parse(size), 0);
    plan_.misses_are_faults = true;
    recipe_ = *builtin_recipe(protocol, name, "k:");
    for (const u64 key : keys) line_.keys.push(key);
    line_.requests.push({});
  }

  std::string value(u64 key) const { return value_text(*plan_.values, key); }

  // "good", "mismatch", "error", "miss". Both ways must agree: what the fast one knows, the slow
  // one finds right too.
  std::string verdict(const std::string& reply) {
    const Asked asked{recipe_, line_, true};
    Tally quick_tally;
    Judge quick_judge(plan_, quick_tally);
    std::string padded = reply;
    padded.append(kReadablePadding, '\0');
    const std::string_view bytes = std::string_view(padded).substr(0, reply.size());
    const std::size_t quick = quick_judge.quick(asked, bytes);
    Tally tally;
    Judge judge(plan_, tally);
    typename Judge::Frame frame;
    std::size_t used = 0;
    const ParseStatus status = judge.scan(asked, bytes, frame, used);
    if (status != ParseStatus::complete) {
      CHECK(quick == 0);
      return status == ParseStatus::incomplete ? "incomplete" : "invalid";
    }
    CHECK(used == reply.size());
    judge.judge(asked, bytes);
    const bool is_good = tally.mismatches + tally.errors + tally.unexpected_misses == 0;
    if (quick != 0) {
      CHECK(quick == reply.size());
      CHECK(is_good);
      CHECK(quick_tally.hits == tally.hits);
      CHECK(quick_tally.misses == tally.misses);
      has_been_quick_ = true;
    }
    if (is_good) return "good";
    CHECK(!tally.faults.empty());
    return tally.mismatches != 0 ? "mismatch" : tally.errors != 0 ? "error" : "miss";
  }
  bool has_been_quick() const { return has_been_quick_; }

 private:
  Plan plan_;
  Recipe recipe_;
  PendingLine line_;
  bool has_been_quick_ = false;
};

using Redis = Court<RedisJudge>;
using Memcached = Court<MemcachedJudge>;

std::string bulk(const std::string& text) {
  return fmt::format("${}\r\n{}\r\n", text.size(), text);
}

TEST_CASE("Redis: get") {
  for (const char* size : {"12", "12-13"}) {
    Redis court(Protocol::redis, "get", {5}, size);
    const std::string right = bulk(court.value(5));
    CHECK(court.verdict(right) == "good");
    CHECK(court.has_been_quick());
    CHECK(court.verdict(bulk(court.value(6))) == "mismatch");
    CHECK(court.verdict(bulk(court.value(5) + "x")) == "mismatch");
    CHECK(court.verdict(bulk("")) == "mismatch");
    CHECK(court.verdict("$-1\r\n") == "miss");
    CHECK(court.verdict("-ERR no\r\n") == "error");
    CHECK(court.verdict("+OK\r\n") == "mismatch");
    CHECK(court.verdict(":1\r\n") == "mismatch");
    CHECK(court.verdict("*1\r\n" + right) == "mismatch");
    for (std::size_t cut = 0; cut < right.size(); ++cut) {
      CHECK(court.verdict(right.substr(0, cut)) == "incomplete");
    }
  }
}

TEST_CASE("Redis: a changed byte of a value is seen wherever it is") {
  Redis court(Protocol::redis, "get", {5}, "300");
  const std::string right = court.value(5);
  for (std::size_t at = 0; at < right.size(); ++at) {
    std::string wrong = right;
    wrong[at] = 'x';
    REQUIRE(court.verdict(bulk(wrong)) == "mismatch");
  }
}

TEST_CASE("Redis: a key that is never written must miss") {
  Redis court(Protocol::redis, "get", {kMissingFrom + 3});
  CHECK(court.verdict("$-1\r\n") == "good");
  CHECK(court.has_been_quick());
  CHECK(court.verdict(bulk("x")) == "mismatch");
}

TEST_CASE("Redis: mget") {
  Redis court(Protocol::redis, "mget3", {5, kMissingFrom, 7});
  const std::string five = bulk(court.value(5));
  const std::string seven = bulk(court.value(7));
  CHECK(court.verdict("*3\r\n" + five + "$-1\r\n" + seven) == "good");
  CHECK(court.has_been_quick());
  CHECK(court.verdict("*3\r\n" + seven + "$-1\r\n" + five) == "mismatch");
  CHECK(court.verdict("*2\r\n" + five + "$-1\r\n") == "mismatch");
  CHECK(court.verdict("*3\r\n" + five + "$-1\r\n$-1\r\n") == "miss");
  CHECK(court.verdict("*3\r\n" + five + five + seven) == "mismatch");
  CHECK(court.verdict("*-1\r\n") == "mismatch");
  CHECK(court.verdict(five) == "mismatch");
  CHECK(court.verdict("-ERR server is away\r\n") == "error");
}

TEST_CASE("Redis: set, incr, del") {
  Redis set(Protocol::redis, "set", {5});
  CHECK(set.verdict("+OK\r\n") == "good");
  CHECK(set.has_been_quick());
  CHECK(set.verdict("+QUEUED\r\n") == "mismatch");
  CHECK(set.verdict("$-1\r\n") == "mismatch");
  CHECK(set.verdict("-OOM command not allowed\r\n") == "error");
  Redis incr(Protocol::redis, "incr", {5});
  CHECK(incr.verdict(":17\r\n") == "good");
  CHECK(incr.verdict(":0\r\n") == "mismatch");
  CHECK(incr.verdict("+17\r\n") == "mismatch");
  Redis del(Protocol::redis, "del", {5});
  CHECK(del.verdict(":0\r\n") == "good");
  CHECK(del.verdict(":1\r\n") == "good");
  CHECK(del.verdict(":2\r\n") == "mismatch");
}

std::string block(const char* key, const std::string& text, const char* flags = "0") {
  return fmt::format("VALUE {} {} {}\r\n{}\r\n", key, flags, text.size(), text);
}

constexpr const char* kFive = "k:000000000005";
constexpr const char* kSeven = "k:000000000007";

TEST_CASE("memcached: get") {
  Memcached court(Protocol::memcached, "get", {5});
  const std::string right = block(kFive, court.value(5)) + "END\r\n";
  CHECK(court.verdict(right) == "good");
  CHECK(court.has_been_quick());
  CHECK(court.verdict(block(kSeven, court.value(7)) + "END\r\n") == "mismatch");
  CHECK(court.verdict(block(kFive, court.value(7)) + "END\r\n") == "mismatch");
  CHECK(court.verdict(block(kFive, court.value(5), "1") + "END\r\n") == "mismatch");
  CHECK(court.verdict(block(kFive, court.value(5)) + right) == "mismatch");
  CHECK(court.verdict("END\r\n") == "miss");
  CHECK(court.verdict("SERVER_ERROR out of memory\r\n") == "error");
  CHECK(court.verdict("ERROR\r\n") == "error");
  for (std::size_t cut = 0; cut < right.size(); ++cut) {
    CHECK(court.verdict(right.substr(0, cut)) == "incomplete");
  }
}

TEST_CASE("memcached: get of several keys, in any order") {
  Memcached court(Protocol::memcached, "mget3", {5, kMissingFrom, 7});
  const std::string five = block(kFive, court.value(5));
  const std::string seven = block(kSeven, court.value(7));
  CHECK(court.verdict(five + seven + "END\r\n") == "good");
  CHECK(court.has_been_quick());
  CHECK(court.verdict(seven + five + "END\r\n") == "good");
  CHECK(court.verdict(five + "END\r\n") == "miss");
  CHECK(court.verdict(five + block(kSeven, court.value(5)) + "END\r\n") == "mismatch");
  CHECK(court.verdict(five + seven + five + seven + "END\r\n") == "mismatch");
  CHECK(court.verdict(five + seven + block("k:000000000009", "x") + "END\r\n") == "mismatch");
}

TEST_CASE("memcached: set, incr, delete") {
  Memcached set(Protocol::memcached, "set", {5});
  CHECK(set.verdict("STORED\r\n") == "good");
  CHECK(set.has_been_quick());
  CHECK(set.verdict("NOT_STORED\r\n") == "mismatch");
  CHECK(set.verdict("SERVER_ERROR object too large for cache\r\n") == "error");
  Memcached incr(Protocol::memcached, "incr", {5});
  CHECK(incr.verdict("12\r\n") == "good");
  CHECK(incr.verdict("NOT_FOUND\r\n") == "good");
  CHECK(incr.verdict("STORED\r\n") == "mismatch");
  Memcached del(Protocol::memcached, "del", {5});
  CHECK(del.verdict("DELETED\r\n") == "good");
  CHECK(del.verdict("NOT_FOUND\r\n") == "good");
  CHECK(del.verdict("STORED\r\n") == "mismatch");
}

}  // namespace
}  // namespace ringfold::load
