// The histogram against a sorted list of the same values, and its percentile file.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "load/hdr_text.h"
#include "load/histogram.h"
#include "ringfold/base/prng.h"

namespace ringfold::load {
namespace {

std::vector<u64> sample(u64 seed, u32 count) {
  Prng prng(seed);
  std::vector<u64> values;
  for (u32 i = 0; i < count; ++i) values.push_back(prng.below(u64{1} << (1 + prng.below(41))));
  return values;
}

u64 exact(const std::vector<u64>& sorted, double percentile) {
  const double rank = std::ceil(percentile / 100 * static_cast<double>(sorted.size()) - 1e-9);
  return sorted[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

TEST_CASE("percentiles are those of the sorted values, to 0.1 %") {
  std::vector<u64> values = sample(1, 20'000);
  Histogram histogram;
  for (const u64 value : values) histogram.record(value);
  std::ranges::sort(values);
  for (const double percentile : {0.0, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    CAPTURE(percentile);
    const u64 expected = exact(values, percentile);
    const u64 got = histogram.value_at(percentile);
    CHECK(got >= expected);
    CHECK(static_cast<double>(got) <= static_cast<double>(expected) * 1.001 + 1);
  }
  CHECK(histogram.max() == values.back());
  CHECK(histogram.min() == values.front());
  CHECK(histogram.count() == values.size());
}

TEST_CASE("small values are exact, and 99.9 % of a thousand is the 999th") {
  Histogram histogram;
  for (u64 value = 1; value <= 1000; ++value) histogram.record(value);
  CHECK(histogram.value_at(50) == 500);
  CHECK(histogram.value_at(99) == 990);
  CHECK(histogram.value_at(99.9) == 999);
  CHECK(histogram.value_at(100) == 1000);
  CHECK(histogram.mean() == doctest::Approx(500.5));
  CHECK(histogram.standard_deviation() == doctest::Approx(288.675).epsilon(0.001));
  CHECK(histogram.count_up_to(250) == 250);
}

TEST_CASE("every counter's ends meet its neighbours'") {
  // One value at a time, so that the percentile is the counter's highest value or the value itself.
  for (u64 value = 1; value < Histogram::kValueMax / 2; value = value * 17 / 16 + 1) {
    Histogram histogram;
    histogram.record(value);
    histogram.record(Histogram::kValueMax);
    const u64 highest = histogram.value_at(50);
    REQUIRE(highest >= value);
    REQUIRE(static_cast<double>(highest - value) < static_cast<double>(value) / 1000 + 1);
    histogram.record(highest);
    REQUIRE(histogram.value_at(60) == highest);
    histogram.record(highest + 1);
    REQUIRE(histogram.value_at(75) > highest);
  }
}

TEST_CASE("too large a value counts as the largest") {
  Histogram histogram;
  histogram.record(UINT64_MAX);
  CHECK(histogram.max() == Histogram::kValueMax);
  CHECK(histogram.value_at(100) == Histogram::kValueMax);
}

TEST_CASE("merged parts are the whole, and a cleared histogram is a new one") {
  const std::vector<u64> values = sample(2, 5000);
  Histogram whole;
  Histogram sum;
  Histogram part;
  for (std::size_t i = 0; i < values.size(); ++i) {
    whole.record(values[i]);
    part.record(values[i]);
    if (i % 1000 == 999) {
      sum.merge(part);
      part.clear();
      CHECK(part.count() == 0);
      CHECK(part.value_at(50) == 0);
    }
  }
  CHECK(to_hdr_text(sum) == to_hdr_text(whole));
}

TEST_CASE("the percentile file ends at the maximum and rises on the way") {
  Histogram histogram;
  for (const u64 value : sample(3, 10'000)) histogram.record(value);
  std::istringstream lines(to_hdr_text(histogram));
  std::string line;
  std::getline(lines, line);
  CHECK(line.find("Value") != std::string::npos);
  double last_value = -1;
  double last_percentile = -1;
  u64 last_count = 0;
  u32 rows = 0;
  while (std::getline(lines, line) && (line.empty() || line[0] != '#')) {
    if (line.empty()) continue;
    std::istringstream fields(line);
    double value = 0;
    double percentile = 0;
    u64 count = 0;
    fields >> value >> percentile >> count;
    REQUIRE(!fields.fail());
    CHECK(value >= last_value);
    CHECK(percentile > last_percentile);
    CHECK(count >= last_count);
    CHECK(static_cast<double>(count) >= percentile * 10'000 - 1);
    last_value = value;
    last_percentile = percentile;
    last_count = count;
    ++rows;
  }
  CHECK(rows > 50);
  CHECK(last_percentile == 1.0);
  CHECK(last_count == 10'000);
  CHECK(last_value == doctest::Approx(static_cast<double>(histogram.max()) / 1e6));
  CHECK(line.starts_with("#[Mean"));
}

}  // namespace
}  // namespace ringfold::load
