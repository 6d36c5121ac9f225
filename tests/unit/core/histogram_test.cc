// Counters and histograms against exact values.
#include "core/histogram.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "ringfold/base/prng.h"

using namespace ringfold;

namespace {

// What the header promises of a bucket's upper bound.
bool is_bound_of(u64 end, Stamp value) {
  if (end <= value) return false;
  const u64 last = end - 1;
  return value < 4 ? last <= value : last * 4 <= u64{value} * 5;
}

}  // namespace

TEST_CASE("buckets follow each other, and each value lies in its own") {
  u64 begin = 0;
  for (u32 bucket = 0; bucket < histogram::kBuckets - 1; ++bucket) {
    CAPTURE(bucket);
    const u64 end = histogram::end_of(bucket);
    REQUIRE(end > begin);
    CHECK(histogram::bucket_of(static_cast<Stamp>(begin)) == bucket);
    CHECK(histogram::bucket_of(static_cast<Stamp>(end - 1)) == bucket);
    CHECK(is_bound_of(end, static_cast<Stamp>(begin)));
    begin = end;
  }
  CHECK(histogram::bucket_of(static_cast<Stamp>(begin)) == histogram::kBuckets - 1);
  CHECK(histogram::bucket_of(UINT32_MAX) == histogram::kBuckets - 1);
  CHECK(static_cast<double>(begin) * kStampSeconds > 100);
}

TEST_CASE("percentiles are those of the sorted values, to the promised error") {
  Prng prng(7);
  Histogram histogram;
  std::vector<Stamp> values;
  u64 sum = 0;
  for (u32 i = 0; i < 50'000; ++i) {
    const Stamp value = static_cast<Stamp>(prng.below(u64{1} << prng.below(27)));
    values.push_back(value);
    sum += value;
    histogram.add(value);
  }
  std::ranges::sort(values);
  HistogramCounts counts;
  histogram.read(counts);
  CHECK(counts.count() == values.size());
  CHECK(counts.sum_units == sum);
  for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999}) {
    CAPTURE(share);
    const u64 rank = static_cast<u64>(share * static_cast<double>(values.size()));
    u32 bucket = 0;
    for (u64 seen = counts.counts[0]; seen <= rank; seen += counts.counts[++bucket]) {
    }
    CHECK(is_bound_of(histogram::end_of(bucket), values[rank]));
  }
}

TEST_CASE("several of a kind count as so many, and workers add up") {
  Histogram one;
  Histogram other;
  one.add(100, 3);
  one.add(0, 2);
  other.add(100);
  HistogramCounts counts;
  one.read(counts);
  other.read(counts);
  CHECK(counts.count() == 6);
  CHECK(counts.sum_units == 400);
  CHECK(counts.counts[histogram::bucket_of(100)] == 4);
  CHECK(counts.counts[0] == 2);
}

TEST_CASE("a counter of a state goes up and down") {
  Counter counter;
  counter.add(5);
  counter.subtract(5);
  counter.add();
  CHECK(counter.get() == 1);
}

TEST_CASE("a time is told in units of 1024 ns, and differences survive the wrap") {
  CHECK(stamp_of(1023) == 0);
  CHECK(stamp_of(1024) == 1);
  const Nanos late = (i64{1} << 42) - 1024;
  CHECK(stamp_of(late + 5 * 1024) - stamp_of(late) == 5);
}
