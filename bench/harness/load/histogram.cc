#include "load/histogram.h"

#include <algorithm>
#include <cmath>

namespace ringfold::load {

u64 Histogram::lowest_value(u32 index) {
  if (index < 2 * kParts) return index;
  const u32 shift = index / kParts - 1;
  return static_cast<u64>(index - shift * kParts) << shift;
}

u64 Histogram::highest_value(u32 index) {
  return lowest_value(index + 1) - 1;
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  const u32 last = index_of(other.max_);
  for (u32 index = index_of(other.min_); index <= last; ++index) {
    counts_[index] += other.counts_[index];
  }
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
  min_ = std::min(min_, other.min_);
}

void Histogram::clear() {
  if (count_ == 0) return;
  std::fill(counts_.begin() + index_of(min_), counts_.begin() + index_of(max_) + 1, 0);
  count_ = 0;
  sum_ = 0;
  max_ = 0;
  min_ = UINT64_MAX;
}

double Histogram::standard_deviation() const {
  if (count_ == 0) return 0;
  const double middle = mean();
  double squares = 0;
  for (u32 index = index_of(min_); index <= index_of(max_); ++index) {
    if (counts_[index] == 0) continue;
    const double low = static_cast<double>(lowest_value(index));
    const double distance = (low + static_cast<double>(highest_value(index))) / 2 - middle;
    squares += distance * distance * static_cast<double>(counts_[index]);
  }
  return std::sqrt(squares / static_cast<double>(count_));
}

u64 Histogram::value_at(double percentile) const {
  if (count_ == 0) return 0;
  // A little less than the exact product: 99.9 % of 1000 is the 999th value, not the 1000th, though
  // the product of the nearest doubles lies above 999.
  const double share = percentile / 100 * static_cast<double>(count_);
  const u64 rank = std::clamp<u64>(static_cast<u64>(std::ceil(share * (1 - 1e-12))), 1, count_);
  u64 seen = 0;
  for (u32 index = index_of(min_); index <= index_of(max_); ++index) {
    seen += counts_[index];
    if (seen >= rank) return std::min(highest_value(index), max_);
  }
  return max_;
}

u64 Histogram::count_up_to(u64 value) const {
  u64 seen = 0;
  const u32 last = index_of(std::min(value, kValueMax));
  for (u32 index = 0; index <= last; ++index) seen += counts_[index];
  return seen;
}

}  // namespace ringfold::load
