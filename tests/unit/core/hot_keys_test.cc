// Hot keys against exact counts of the same keys.
#include "core/hot_keys.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "ringfold/base/prng.h"

using namespace ringfold;

namespace {

// Ranks with the frequencies of Zipf's law (exponent 1) among so many keys.
class Zipf {
 public:
  explicit Zipf(u32 keys) {
    double sum = 0;
    for (u32 rank = 1; rank <= keys; ++rank) sums_.push_back(sum += 1.0 / rank);
  }
  std::string next(Prng& prng) const {
    const double at = static_cast<double>(prng.next() >> 11) * 0x1p-53 * sums_.back();
    const auto found = std::ranges::upper_bound(sums_, at);
    return "key:" + std::to_string(found - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

using Counts = std::map<std::string, u64, std::less<>>;

// The promises of hot_keys.h.
void check_bounds(const HotKeyList& list, const Counts& exact, u64 noted) {
  CHECK(list.noted == noted);
  for (const HotKey& key : list.keys) {
    CAPTURE(key.prefix());
    const auto found = exact.find(key.prefix());
    REQUIRE(found != exact.end());
    CHECK(key.count >= found->second);
    CHECK(key.count - key.error <= found->second);
  }
  for (const auto& [name, count] : exact) {
    if (count <= list.missing_max) continue;
    const std::string_view wanted = name;
    CHECK_MESSAGE(std::ranges::any_of(
                      list.keys, [wanted](const HotKey& key) { return key.prefix() == wanted; }),
                  wanted);
  }
}

}  // namespace

TEST_CASE("counts of Zipf keys keep their bounds") {
  const Zipf zipf(10'000);
  Prng prng(3);
  HotKeys hot_keys;
  Counts exact;
  constexpr u64 kNoted = 200'000;
  for (u64 i = 0; i < kNoted; ++i) {
    const std::string key = zipf.next(prng);
    hot_keys.note(key);
    ++exact[key];
  }
  HotKeyList list;
  REQUIRE(hot_keys.read(list));
  CHECK(list.keys.size() == HotKeys::kEntries);
  CHECK(list.missing_max <= kNoted / HotKeys::kEntries);
  check_bounds(list, exact, kNoted);
  CHECK(list.keys.front().prefix() == "key:0");
  CHECK(list.keys[1].prefix() == "key:1");
}

TEST_CASE("a few keys are counted exactly") {
  HotKeys hot_keys;
  for (u32 i = 0; i < 60; ++i) hot_keys.note(i % 3 == 0 ? "a" : "b");
  HotKeyList list;
  REQUIRE(hot_keys.read(list));
  REQUIRE(list.keys.size() == 2);
  CHECK(list.keys[0].prefix() == "b");
  CHECK(list.keys[0].count == 40);
  CHECK(list.keys[0].error == 0);
  CHECK(list.keys[1].count == 20);
  CHECK(list.missing_max == 0);
}

TEST_CASE("keys that differ behind the prefix are told apart, and empty ones are keys") {
  const std::string start(HotKey::kPrefixMax, 'x');
  HotKeys hot_keys;
  hot_keys.note(start + "1");
  hot_keys.note(start + "2");
  hot_keys.note("");
  HotKeyList list;
  REQUIRE(hot_keys.read(list));
  CHECK(list.keys.size() == 3);
}

TEST_CASE("what several workers noted is merged within the bounds") {
  const Zipf zipf(5'000);
  Prng prng(5);
  std::array<HotKeys, 3> workers;
  Counts exact;
  constexpr u64 kNoted = 60'000;
  for (u64 i = 0; i < kNoted; ++i) {
    const std::string key = zipf.next(prng);
    workers[prng.below(workers.size())].note(key);
    ++exact[key];
  }
  HotKeyList merged;
  for (const HotKeys& worker : workers) {
    HotKeyList list;
    REQUIRE(worker.read(list));
    merged.merge(list);
  }
  check_bounds(merged, exact, kNoted);
  CHECK(merged.keys.front().prefix() == "key:0");
}

// The counts of Space-Saving add up to what was noted: a list that does not is of two moments.
TEST_CASE("a reader sees whole states while keys are noted") {
  HotKeys hot_keys;
  std::atomic<bool> is_over{false};
  std::thread writer([&] {
    Prng prng(11);
    const Zipf zipf(1'000);
    for (u32 i = 0; i < 300'000; ++i) hot_keys.note(zipf.next(prng));
    is_over.store(true);
  });
  u64 reads = 0;
  u64 torn = 0;
  u64 previous = 0;
  while (!is_over.load()) {
    HotKeyList list;
    if (!hot_keys.read(list)) continue;
    ++reads;
    const u64 sum = std::accumulate(list.keys.begin(), list.keys.end(), u64{0},
                                    [](u64 all, const HotKey& key) { return all + key.count; });
    if (sum != list.noted || list.noted < previous) ++torn;
    previous = list.noted;
  }
  writer.join();
  CHECK(torn == 0);
  CHECK(reads > 0);
}
