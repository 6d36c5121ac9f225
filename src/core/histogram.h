// Histogram: how long something took, in 105 buckets that cover 1 us to 137 s, written by one
// thread and read by any without a lock.
//
// Log-linear, as HdrHistogram (Tene) does it with two significant bits: below eight units a bucket
// is one unit wide, from there on every power of two is cut in four. So a bucket's upper bound is
// never more than 25 % above a value of four units or more that lies in it, nor more than one unit
// above a smaller one.
#pragma once

#include <array>
#include <atomic>
#include <bit>

#include "ringfold/base/ints.h"

namespace ringfold {

// Durations are counted in units of 1024 ns, because a shift makes one of nanoseconds. As a point
// in time a Stamp wraps after 73 minutes; differences are right up to that.
using Stamp = u32;
inline constexpr int kStampShift = 10;
inline constexpr double kStampSeconds = 1024e-9;

[[nodiscard]] constexpr Stamp stamp_of(Nanos time) {
  return static_cast<Stamp>(static_cast<u64>(time) >> kStampShift);
}

// A count with one writer: no locked instruction. Any thread may read it, and sees some value that
// it has or had; two counters are not seen at the same instant.
class Counter {
 public:
  void add(u64 count = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  void subtract(u64 count) { set(get() - count); }
  void set(u64 value) { value_.store(value, std::memory_order_relaxed); }
  u64 get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<u64> value_{0};
};

namespace histogram {

inline constexpr u32 kTopBit = 26;  // longer than 2^27 units (137 s) is one bucket
inline constexpr u32 kBuckets = (kTopBit - 1) * 4 + 4 + 1;
static_assert(kBuckets == 105);

[[nodiscard]] constexpr u32 bucket_of(Stamp units) {
  if (units < 8) return units;
  const u32 top = 31 - static_cast<u32>(std::countl_zero(units));
  if (top > kTopBit) return kBuckets - 1;
  return (top - 1) * 4 + ((units >> (top - 2)) & 3);
}

// The first unit behind the bucket; of the last one, behind all that a Stamp can tell.
[[nodiscard]] constexpr u64 end_of(u32 bucket) {
  if (bucket == kBuckets - 1) return u64{1} << 32;
  if (bucket < 8) return bucket + 1;
  return u64{(bucket & 3) + 5} << (bucket / 4 - 1);
}

}  // namespace histogram

// What was read of histograms, as plain numbers; those of several workers are added up.
struct HistogramCounts {
  std::array<u64, histogram::kBuckets> counts = {};
  u64 sum_units = 0;

  [[nodiscard]] u64 count() const {
    u64 total = 0;
    for (const u64 each : counts) total += each;
    return total;
  }
  [[nodiscard]] double sum_seconds() const {
    return static_cast<double>(sum_units) * kStampSeconds;
  }
};

class Histogram {
 public:
  // `count` things of the same duration.
  void add(Stamp units, u64 count = 1) {
    counts_[histogram::bucket_of(units)].add(count);
    sum_.add(units * count);
  }

  // Adds what is in it to `to`. Any thread.
  void read(HistogramCounts& to) const {
    for (u32 bucket = 0; bucket < histogram::kBuckets; ++bucket) {
      to.counts[bucket] += counts_[bucket].get();
    }
    to.sum_units += sum_.get();
  }

 private:
  Counter sum_;
  std::array<Counter, histogram::kBuckets> counts_;
};

}  // namespace ringfold
