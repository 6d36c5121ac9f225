// The resolver's thread, and what the supervisor sees of it, with lookups made up here.
#include "app/names.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "app/poll_time.h"

using namespace ringfold;

namespace {

constexpr int kPatienceMs = 30'000;

LookupResult at(const std::string& ip) {
  return std::vector{*resolve_address(ip, 0)};
}

bool is_readable(int fd, int timeout_ms) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, timeout_ms) == 1;
}

Snapshot snapshot_of(const std::vector<std::string>& hosts) {
  PoolConfig pool;
  pool.name = "x";
  for (const std::string& host : hosts) pool.servers.push_back({host, {host, 1, ""}, 1});
  Snapshot snapshot;
  snapshot.config.pools = {pool};
  static std::atomic<u32> clients;
  snapshot.client_counts = {&clients};
  snapshot.addresses = {{{}, {}, std::vector<Address>(hosts.size())}};
  return snapshot;
}

}  // namespace

TEST_CASE("a question is answered in another thread, once") {
  std::thread::id asked_in;
  const auto resolver = Resolver::start([&asked_in](const std::string& host) -> LookupResult {
    asked_in = std::this_thread::get_id();
    if (host == "bad") return fail("no");
    return at("10.0.0.1");
  });
  REQUIRE(resolver.has_value());
  CHECK_FALSE(is_readable((*resolver)->fd(), 0));
  for (const std::string host : {"good", "bad", "good"}) {
    (*resolver)->ask(host);
    REQUIRE(is_readable((*resolver)->fd(), kPatienceMs));
    const auto answer = (*resolver)->take_answer();
    REQUIRE(answer.has_value());
    CHECK(answer->has_value() == (host == "good"));
    CHECK_FALSE(is_readable((*resolver)->fd(), 0));
    CHECK_FALSE((*resolver)->take_answer().has_value());
  }
  CHECK(asked_in != std::this_thread::get_id());
}

TEST_CASE("the end does not wait for a lookup that hangs") {
  std::promise<void> go_on;
  std::promise<void> has_begun;
  static std::atomic<bool> has_ended = false;  // the thread wakes us by it, and we may be gone then
  auto wait = go_on.get_future().share();
  {
    const auto resolver = Resolver::start([&, wait](const std::string&) -> LookupResult {
      has_begun.set_value();
      wait.wait();
      has_ended = true;
      has_ended.notify_one();
      return at("10.0.0.1");
    });
    REQUIRE(resolver.has_value());
    (*resolver)->ask("slow");
    has_begun.get_future().wait();
  }
  CHECK_FALSE(has_ended);
  go_on.set_value();
  has_ended.wait(false);
}

TEST_CASE("the first round writes what it finds into the snapshot") {
  Snapshot snapshot = snapshot_of({"one", "127.0.0.1", "none", "two"});
  auto names = Names::open(snapshot.config, [](const std::string& host) -> LookupResult {
    if (host == "none") return fail("no such name");
    return at(host == "one" ? "10.0.0.1" : "10.0.0.2");
  });
  REQUIRE(names.has_value());
  const auto notes = names->wait_for_first_round(snapshot, kPatienceMs * kMillisecond);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].text.find("server \"none\" has no address, its requests fail: no such name") !=
        std::string::npos);
  const std::vector<Address>& servers = snapshot.addresses[0].servers;
  CHECK(to_string(servers[0]) == "10.0.0.1:1");
  CHECK_FALSE(servers[1].resolved());  // not the names' business
  CHECK_FALSE(servers[2].resolved());
  CHECK(to_string(servers[3]) == "10.0.0.2:1");
  CHECK(names->due() != kNever);
}

TEST_CASE("the first round does not wait longer than it may, and the answer comes later") {
  Snapshot snapshot = snapshot_of({"slow"});
  std::promise<void> go_on;
  auto wait = go_on.get_future().share();
  auto names = Names::open(snapshot.config, [wait](const std::string&) -> LookupResult {
    wait.wait();
    return at("10.0.0.1");
  });
  REQUIRE(names.has_value());
  const auto notes = names->wait_for_first_round(snapshot, kMillisecond);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].text.find("has no address yet") != std::string::npos);
  CHECK_FALSE(snapshot.addresses[0].servers[0].resolved());
  CHECK(names->follow(monotonic_now()).changes.empty());
  go_on.set_value();
  REQUIRE(is_readable(names->fd(), kPatienceMs));
  const NameNews news = names->follow(monotonic_now());
  REQUIRE(news.changes.size() == 1);
  CHECK(to_string(news.changes[0].address) == "10.0.0.1:1");
}

TEST_CASE("where no server has a name there is no thread and nothing to wait for") {
  Snapshot snapshot = snapshot_of({"127.0.0.1", "::1"});
  auto names = Names::open(snapshot.config, [](const std::string&) { return at("10.0.0.1"); });
  REQUIRE(names.has_value());
  CHECK(names->wait_for_first_round(snapshot, 3600 * kSecond).empty());
  CHECK(names->fd() < 0);
  CHECK(names->due() == kNever);
}

TEST_CASE("poll waits until the deadline has passed, and no longer") {
  CHECK(poll_timeout(kNever, 5) == -1);
  CHECK(poll_timeout(5, 5) == 0);
  CHECK(poll_timeout(4, 5) == 0);
  CHECK(poll_timeout(6, 5) == 1);
  CHECK(poll_timeout(5 + kMillisecond, 5) == 1);
  CHECK(poll_timeout(6 + kMillisecond, 5) == 2);
  CHECK(poll_timeout(kNever - 1, 5) == 3'600'000);
}
