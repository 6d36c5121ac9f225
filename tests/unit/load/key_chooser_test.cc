// Each distribution against what its formula says.
#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

#include "load/key_chooser.h"
#include "load/key_names.h"

namespace ringfold::load {
namespace {

std::vector<u64> draw(const char* name, u64 keyspace, u32 count) {
  KeyChooser chooser(*parse_distribution(name), keyspace, 0, 1);
  Prng prng(7);
  std::vector<u64> seen(keyspace);
  for (u32 i = 0; i < count; ++i) {
    const u64 key = chooser.next(prng);
    REQUIRE(key < keyspace);
    ++seen[key];
  }
  return seen;
}

// The sum of (seen - expected)^2 / expected, which for a fair draw lies near the number of keys.
double chi_square(const std::vector<u64>& seen, const std::vector<double>& chances, u32 count) {
  double sum = 0;
  for (std::size_t key = 0; key < seen.size(); ++key) {
    const double expected = chances[key] * count;
    const double distance = static_cast<double>(seen[key]) - expected;
    sum += distance * distance / expected;
  }
  return sum;
}

TEST_CASE("zipf has the frequencies of its formula") {
  constexpr u32 kDraws = 1'000'000;
  constexpr u64 kKeys = 100;
  for (const double s : {0.5, 0.99, 1.0, 1.2, 2.0}) {
    CAPTURE(s);
    std::vector<double> chances;
    double sum = 0;
    for (u64 key = 0; key < kKeys; ++key) {
      chances.push_back(std::pow(static_cast<double>(key + 1), -s));
      sum += chances.back();
    }
    for (double& chance : chances) chance /= sum;
    const std::string name = "zipf:" + std::to_string(s);
    // 99 degrees of freedom: 170 is beyond the 99.999 % point.
    CHECK(chi_square(draw(name.c_str(), kKeys, kDraws), chances, kDraws) < 170);
  }
}

TEST_CASE("zipf reaches far in a large key space, and stays in a tiny one") {
  KeyChooser large(*parse_distribution("zipf"), kKeyspaceMax, 0, 1);
  Prng prng(1);
  u64 farthest = 0;
  for (int i = 0; i < 10'000; ++i) {
    const u64 key = large.next(prng);
    REQUIRE(key < kKeyspaceMax);
    farthest = std::max(farthest, key);
  }
  CHECK(farthest > kKeyspaceMax / 10);
  CHECK(draw("zipf", 1, 100)[0] == 100);
}

TEST_CASE("uniform gives every key the same chance") {
  const std::vector<double> chances(50, 1.0 / 50);
  CHECK(chi_square(draw("uniform", 50, 500'000), chances, 500'000) < 105);
}

TEST_CASE("gaussian has its middle and its sigma") {
  constexpr u32 kDraws = 300'000;
  const std::vector<u64> seen = draw("gaussian:0.1", 1000, kDraws);
  double sum = 0;
  double squares = 0;
  for (std::size_t key = 0; key < seen.size(); ++key) {
    const double distance = static_cast<double>(key) + 0.5 - 500;
    sum += distance * static_cast<double>(seen[key]);
    squares += distance * distance * static_cast<double>(seen[key]);
  }
  CHECK(std::abs(sum / kDraws) < 1);
  CHECK(std::sqrt(squares / kDraws) == doctest::Approx(100).epsilon(0.01));
}

TEST_CASE("sequential choosers walk through all keys together, again and again") {
  const DistributionSpec spec = *parse_distribution("sequential");
  for (const u64 keys : {1u, 2u, 3u, 12u}) {
    CAPTURE(keys);
    std::vector<KeyChooser> choosers;
    for (u32 thread = 0; thread < 3; ++thread) choosers.emplace_back(spec, keys, thread, 3);
    Prng prng(1);
    std::vector<u64> seen(keys);
    for (u64 i = 0; i < keys * 2; ++i) {
      for (KeyChooser& chooser : choosers) ++seen[chooser.next(prng)];
    }
    CHECK(seen == std::vector<u64>(keys, 6));
  }
  KeyChooser alone(spec, 5, 0, 1);
  Prng prng(1);
  for (u64 i = 0; i < 12; ++i) CHECK(alone.next(prng) == i % 5);
}

TEST_CASE("names of distributions") {
  CHECK(parse_distribution("zipf")->parameter == doctest::Approx(0.99));
  CHECK(parse_distribution("zipf:1.5")->parameter == doctest::Approx(1.5));
  CHECK(parse_distribution("gaussian")->parameter == doctest::Approx(1.0 / 6));
  for (const char* bad : {"", "zip", "zipf:", "zipf:x", "zipf:0", "zipf:-1", "zipf:nan",
                          "uniform:3", "sequential:1", "gaussian:1e9"}) {
    CAPTURE(bad);
    CHECK(!parse_distribution(bad));
  }
}

TEST_CASE("a key's digits") {
  char digits[kKeyDigits];
  for (const u64 key : {0ull, 7ull, 12345ull, 99'999'999ull, 100'000'000ull, 999'999'999'999ull}) {
    write_digits(digits, key);
    CHECK(std::stoull(std::string(digits, kKeyDigits)) == key);
  }
}

}  // namespace
}  // namespace ringfold::load
