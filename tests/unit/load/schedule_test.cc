// When requests are due.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "load/schedule.h"

namespace ringfold::load {
namespace {

TEST_CASE("even arrivals of three threads are evenly spaced together, without drift") {
  std::vector<Nanos> due;
  for (u32 thread = 0; thread < 3; ++thread) {
    Schedule schedule(Arrivals::even, 30'000, thread, 3, 1, 5 * kSecond);
    for (int i = 0; i < 20'000; ++i, schedule.advance()) due.push_back(schedule.next());
  }
  std::sort(due.begin(), due.end());
  CHECK(due.front() == 5 * kSecond);
  for (std::size_t i = 0; i < due.size(); ++i) {
    const double expected = 5e9 + static_cast<double>(i) * 1e9 / 30'000;
    REQUIRE(std::abs(static_cast<double>(due[i]) - expected) <= 2);
  }
}

TEST_CASE(
    "Poisson arrivals have their rate, exponential gaps, and a count whose variance is its mean") {
  constexpr int kCount = 400'000;
  constexpr double kRate = 1000;
  Schedule schedule(Arrivals::poisson, kRate, 0, 1, 9, 0);
  Nanos last = 0;
  int long_gaps = 0;
  std::vector<double> per_slot(static_cast<std::size_t>(kCount / kRate / 0.1) + 200);
  for (int i = 0; i < kCount; ++i, schedule.advance()) {
    const Nanos gap = schedule.next() - last;
    REQUIRE(gap >= 0);
    long_gaps += static_cast<double>(gap) > 2e9 / kRate;
    last = schedule.next();
    const auto slot = static_cast<std::size_t>(last / (kSecond / 10));
    if (slot < per_slot.size()) ++per_slot[slot];
  }
  CHECK(static_cast<double>(last) == doctest::Approx(kCount * 1e9 / kRate).epsilon(0.01));
  CHECK(static_cast<double>(long_gaps) / kCount == doctest::Approx(std::exp(-2)).epsilon(0.02));
  const std::size_t slots = static_cast<std::size_t>(last / (kSecond / 10));
  double squares = 0;
  for (std::size_t i = 0; i < slots; ++i) squares += (per_slot[i] - 100) * (per_slot[i] - 100);
  CHECK(squares / static_cast<double>(slots) == doctest::Approx(100).epsilon(0.1));
}

TEST_CASE("threads share the rate") {
  u64 count = 0;
  for (u32 thread = 0; thread < 4; ++thread) {
    Schedule schedule(Arrivals::poisson, 10'000, thread, 4, 100 + thread, 0);
    for (; schedule.next() < 10 * kSecond; schedule.advance()) ++count;
  }
  CHECK(count == doctest::Approx(100'000).epsilon(0.02));
}

}  // namespace
}  // namespace ringfold::load
