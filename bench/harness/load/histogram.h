// Histogram: how often each latency was seen, to three significant digits, in constant memory.
//
// Layout after HdrHistogram (Gil Tene, https://hdrhistogram.github.io/HdrHistogram/): values up to
// 2047 have a counter each; above, every power of two is cut into 1024 equal parts, so a counter
// stands for values that differ by less than 0.1 %.
#pragma once

#include <bit>
#include <vector>

#include "ringfold/base/ints.h"

namespace ringfold::load {

class Histogram {
 public:
  static constexpr u32 kPartBits = 10;
  static constexpr u32 kParts = 1u << kPartBits;
  // Larger values are counted as this: 73 minutes in nanoseconds.
  static constexpr u64 kValueMax = (u64{1} << 42) - 1;

  Histogram() : counts_(kCounters) {}

  void record(u64 value) {
    if (value > kValueMax) value = kValueMax;
    ++counts_[index_of(value)];
    ++count_;
    sum_ += value;
    if (value > max_) max_ = value;
    if (value < min_) min_ = value;
  }

  void merge(const Histogram& other);
  void clear();

  u64 count() const { return count_; }
  u64 max() const { return max_; }
  u64 min() const { return count_ == 0 ? 0 : min_; }
  double mean() const {
    return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }
  double standard_deviation() const;

  // The smallest value that `percentile` percent of all values do not exceed, as the largest value
  // its counter stands for, but never above max(). 0 when empty. Requires: 0 <= percentile <= 100.
  u64 value_at(double percentile) const;

  // The number of values that share a counter with value or lie below it.
  u64 count_up_to(u64 value) const;

  // The counters in use, for writers of files: calls take(highest value of the counter, count).
  template <class Take>
  void for_each(Take&& take) const {
    if (count_ == 0) return;
    for (u32 index = index_of(min_); index <= index_of(max_); ++index) {
      if (counts_[index] != 0) take(highest_value(index), counts_[index]);
    }
  }

 private:
  static constexpr u32 kCounters = (42 - kPartBits) * kParts + kParts;

  static u32 index_of(u64 value) {
    if (value < 2 * kParts) return static_cast<u32>(value);
    const u32 shift = static_cast<u32>(std::bit_width(value)) - 1 - kPartBits;
    return shift * kParts + static_cast<u32>(value >> shift);
  }
  static u64 lowest_value(u32 index);
  static u64 highest_value(u32 index);

  std::vector<u64> counts_;
  u64 count_ = 0;
  u64 sum_ = 0;
  u64 max_ = 0;
  u64 min_ = UINT64_MAX;
};

}  // namespace ringfold::load
