#include "app/name_watch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace ringfold;

namespace {

constexpr Nanos kStart = 1000 * kSecond;

Address ip(const std::string& text) {
  return *resolve_address(text, 0);
}

LookupResult found(const std::vector<std::string>& texts) {
  std::vector<Address> addresses;
  for (const std::string& text : texts) addresses.push_back(ip(text));
  return addresses;
}

LookupResult nothing() {
  return fail("cannot resolve it: no such name");
}

PoolConfig pool_of(const std::string& name, const std::vector<std::string>& hosts) {
  PoolConfig pool;
  pool.name = name;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    ServerConfig server;
    server.name = std::string(1, static_cast<char>('a' + i));
    server.endpoint = {hosts[i], static_cast<u16>(6379 + i), ""};
    pool.servers.push_back(server);
  }
  return pool;
}

Config config_of(const std::vector<std::string>& hosts, u32 refresh_ms = 30000) {
  Config config;
  config.dns_refresh_ms = refresh_ms;
  config.pools = {pool_of("x", hosts)};
  return config;
}

std::vector<std::string> texts(const std::vector<NameNote>& notes) {
  std::vector<std::string> lines;
  for (const NameNote& note : notes) lines.push_back(note.text);
  return lines;
}

// Looks up whatever is due and answers it.
NameNews answer(NameWatch& watch, const LookupResult& result, Nanos now) {
  REQUIRE(watch.next_lookup(now).has_value());
  return watch.take_answer(result, now);
}

}  // namespace

TEST_CASE("the present address stays as long as it is among the answers") {
  const auto answers = *found({"10.0.0.3", "10.0.0.1", "10.0.0.2"});
  for (const Address& present : answers) CHECK(choose_address(answers, present) == present);
}

TEST_CASE("of several new addresses all proxies choose the same, in whatever order they come") {
  std::vector<Address> answers = *found({"10.0.0.1", "10.0.0.9", "10.0.0.10", "9.255.255.255"});
  for (std::size_t i = 0; i < answers.size(); ++i) {
    std::rotate(answers.begin(), answers.begin() + 1, answers.end());
    CHECK(to_string(choose_address(answers, Address())) == "9.255.255.255:0");
    CHECK(to_string(choose_address(answers, ip("10.0.0.77"))) == "9.255.255.255:0");
  }
}

TEST_CASE("the family that stands first is what this machine reaches best") {
  CHECK(choose_address(*found({"2001:db8::9", "10.0.0.1", "2001:db8::7"}), Address()) ==
        ip("2001:db8::7"));
  CHECK(choose_address(*found({"10.0.0.2", "2001:db8::7", "10.0.0.1"}), Address()) ==
        ip("10.0.0.1"));
}

TEST_CASE("numbers and paths are never looked up") {
  Config config = config_of({"127.0.0.1", "::1"});
  config.pools[0].servers.push_back({"u", {"", 0, "/run/a.sock"}, 1});
  NameWatch watch(config);
  CHECK(watch.empty());
  CHECK(watch.is_first_round_over());
  CHECK(watch.next_due() == kNever);
  watch.ask(0, 0, kStart);
  watch.ask(0, 2, kStart);
  CHECK_FALSE(watch.next_lookup(kStart).has_value());
}

TEST_CASE("every host is looked up once at the start, for all its servers") {
  Config config = config_of({"one", "two", "one", "10.0.0.1"});
  config.pools.push_back(pool_of("z", {"one"}));
  NameWatch watch(config);
  CHECK(watch.next_lookup(kStart) == "one");
  CHECK_FALSE(watch.next_lookup(kStart).has_value());  // one after the other
  CHECK(watch.next_due() == kNever);
  const NameNews one = watch.take_answer(found({"10.0.0.7"}), kStart);
  CHECK(one.notes.empty());  // nothing to tell: it is where it is
  REQUIRE(one.changes.size() == 3);
  CHECK(to_string(one.changes[0].address) == "10.0.0.7:6379");
  CHECK(one.changes[1].server == 2);
  CHECK(to_string(one.changes[1].address) == "10.0.0.7:6381");
  CHECK(one.changes[2].pool == 1);
  CHECK(one.changes[2].server == 0);
  CHECK_FALSE(watch.is_first_round_over());
  CHECK(watch.next_lookup(kStart) == "two");
  CHECK(watch.take_answer(found({"10.0.0.8"}), kStart).changes.size() == 1);
  CHECK(watch.is_first_round_over());
  CHECK(watch.give_up_first_round().empty());
  CHECK(watch.next_due() == kStart + 30 * kSecond);
}

TEST_CASE("a name that moves is followed at the next refresh, and the log says so") {
  NameWatch watch(config_of({"one"}, 5000));
  CHECK(answer(watch, found({"10.0.0.1"}), kStart).changes.size() == 1);
  CHECK_FALSE(watch.next_lookup(kStart + 5 * kSecond - 1).has_value());
  const NameNews same = answer(watch, found({"10.0.0.1"}), kStart + 5 * kSecond);
  CHECK(same.changes.empty());
  CHECK(same.notes.empty());
  const NameNews moved = answer(watch, found({"10.0.0.2"}), kStart + 10 * kSecond);
  REQUIRE(moved.changes.size() == 1);
  CHECK(to_string(moved.changes[0].address) == "10.0.0.2:6379");
  CHECK(texts(moved.notes) ==
        std::vector<std::string>{
            "pool \"x\": server \"a\" is now 10.0.0.2:6379 (was 10.0.0.1:6379)"});
}

TEST_CASE("a connection that fails makes its name due, once a second at most") {
  NameWatch watch(config_of({"one", "two"}, 0));
  for (int i = 0; i < 2; ++i) CHECK(answer(watch, found({"10.0.0.1"}), kStart).changes.size() == 1);
  CHECK(watch.next_due() == kNever);  // dns_refresh_ms = 0: only when connections fail
  watch.ask(0, 1, kStart + 1);
  watch.ask(0, 1, kStart + 2);
  CHECK(watch.next_due() == kStart + kSecond);
  CHECK_FALSE(watch.next_lookup(kStart + 3).has_value());
  CHECK(watch.next_lookup(kStart + kSecond) == "two");
  watch.ask(0, 1, kStart + kSecond);  // is under way
  CHECK(watch.take_answer(found({"10.0.0.2"}), kStart + kSecond).changes.size() == 1);
  CHECK(watch.next_due() == kNever);
  watch.ask(0, 1, kStart + 100 * kSecond);
  CHECK(watch.next_due() == kStart + 100 * kSecond);
}

TEST_CASE("what was asked for goes before what is due anyhow") {
  NameWatch watch(config_of({"one", "two", "three"}));
  for (int i = 0; i < 3; ++i) CHECK(answer(watch, found({"10.0.0.1"}), kStart).notes.empty());
  const Nanos late = kStart + 60 * kSecond;  // all are overdue
  watch.ask(0, 2, late);
  CHECK(watch.next_lookup(late) == "three");
  CHECK(watch.take_answer(found({"10.0.0.1"}), late).notes.empty());
  CHECK(watch.next_lookup(late) == "one");
}

TEST_CASE("a name without an address is tried again, ever less often, and reported once") {
  NameWatch watch(config_of({"one"}, 5000));
  Nanos now = kStart;
  CHECK(texts(answer(watch, nothing(), now).notes) ==
        std::vector<std::string>{"pool \"x\": server \"a\" has no address, its requests fail: "
                                 "cannot resolve it: no such name"});
  CHECK(watch.is_first_round_over());
  for (const Nanos delay : {1, 2, 4, 5, 5, 5}) {
    CHECK(watch.next_due() == now + delay * kSecond);
    now = watch.next_due();
    const NameNews news = answer(watch, nothing(), now);
    CHECK(news.notes.empty());
    CHECK(news.changes.empty());
  }
  const NameNews there = answer(watch, found({"10.0.0.2"}), now + 5 * kSecond);
  CHECK(there.changes.size() == 1);
  CHECK(texts(there.notes) ==
        std::vector<std::string>{"pool \"x\": server \"a\" is now 10.0.0.2:6379 (had no address)"});
}

TEST_CASE("retries of a lookup that failed never end, and their pauses never overflow") {
  NameWatch watch(config_of({"one"}, 0));
  Nanos now = kStart;
  for (int i = 0; i < 1000; ++i) {
    CHECK(answer(watch, nothing(), now).changes.empty());
    CHECK(watch.next_due() > now);
    CHECK(watch.next_due() <= now + 30 * kSecond);
    now = watch.next_due();
  }
  CHECK(answer(watch, found({"10.0.0.2"}), now).changes.size() == 1);
}

TEST_CASE("a server keeps its address when its name has none any more") {
  NameWatch watch(config_of({"one"}, 5000));
  CHECK(answer(watch, found({"10.0.0.1"}), kStart).changes.size() == 1);
  const NameNews lost = answer(watch, nothing(), kStart + 5 * kSecond);
  CHECK(lost.changes.empty());
  CHECK(texts(lost.notes) ==
        std::vector<std::string>{"pool \"x\": server \"a\" stays 10.0.0.1:6379: cannot resolve it: "
                                 "no such name"});
  CHECK(answer(watch, nothing(), kStart + 6 * kSecond).notes.empty());
  const NameNews again = answer(watch, found({"10.0.0.1"}), kStart + 8 * kSecond);
  CHECK(again.changes.empty());
  CHECK(texts(again.notes) == std::vector<std::string>{"pool \"x\": server \"a\" is still "
                                                       "10.0.0.1:6379: its name has an address "
                                                       "again"});
}

TEST_CASE("an answer that comes after the start has gone on is told to the workers") {
  NameWatch watch(config_of({"one", "two"}));
  CHECK(watch.next_lookup(kStart) == "one");
  watch.ask(0, 0, kStart);
  watch.ask(0, 1, kStart);  // waits for its first answer anyway
  CHECK(texts(watch.give_up_first_round()) ==
        std::vector<std::string>{"pool \"x\": server \"a\" has no address yet, its requests fail "
                                 "until \"one\" is resolved",
                                 "pool \"x\": server \"b\" has no address yet, its requests fail "
                                 "until \"two\" is resolved"});
  const NameNews late = watch.take_answer(found({"10.0.0.1"}), kStart + 9 * kSecond);
  CHECK(late.changes.size() == 1);
  CHECK(texts(late.notes) ==
        std::vector<std::string>{"pool \"x\": server \"a\" is now 10.0.0.1:6379 (had no address)"});
  CHECK(watch.next_lookup(kStart + 9 * kSecond) == "two");
}
