// PointTable: numbers on a circle, each with an owner, and the question "whose is the first point
// at or above this number?", answered exactly as a binary search would, in a few nanoseconds.
// Ketama's ring is one; so are ranges laid end to end (each range a point at its last number).
//
//   numbers:  0 ......... | ......... | ......... | ......... largest_number
//   buckets:       0           1           2           3        number >> shift_
//   points:          p0      p1 p2               p3             sorted
//   starts_:  {0,         1,          3,          3,        4}  points below the bucket's first
//   number
//
// A bucket has at most kWindow points, so the answer is one of the kWindow + 1 points from
// starts_[bucket] on, and counting those below the number needs no branch that could be guessed
// wrong. Where the points lie so close together that no affordable number of buckets achieves that,
// a binary search runs inside the bucket instead.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "ringfold/base/assert.h"
#include "ringfold/base/ints.h"

namespace ringfold {

struct Point {
  u32 value;
  u32 owner;
};

class PointTable {
 public:
  // The number of points that are compared without a branch: one cache line of them.
  static constexpr std::size_t kWindow = 8;

  PointTable() = default;

  // Points in any order; of equal values the earlier one counts. Requires: at least one point, at
  // most 2^27, none above largest_number.
  PointTable(std::span<const Point> points, u32 largest_number);

  // The owner of the first point at or above number, or of the lowest point when there is none.
  // Requires: a table with points, number <= largest_number.
  [[nodiscard]] u32 find(u32 number) const {
    const std::size_t bucket = number >> shift_;
    RINGFOLD_DEBUG_ASSERT(bucket + 1 < starts_.size());
    const u64* first = points_.data() + starts_[bucket];
    const u64 lowest = u64{number} << 32;  // a point is below number exactly if it is below this
    if (__builtin_expect(!windowed_, 0)) {
      return owner_of(*std::lower_bound(first, points_.data() + starts_[bucket + 1], lowest));
    }
    std::size_t below = 0;
    for (std::size_t index = 0; index < kWindow; ++index) below += first[index] < lowest ? 1 : 0;
    return owner_of(first[below]);
  }

  // False when a binary search inside the bucket was needed; for tests.
  [[nodiscard]] bool windowed() const { return windowed_; }

 private:
  [[nodiscard]] static u32 owner_of(u64 point) { return static_cast<u32>(point); }

  // Value in the high half, owner in the low one. Sorted by value, then in the order given; behind
  // them kWindow points that no number is above, owned by the lowest point's owner: reading past
  // the last point is reading round the circle.
  std::vector<u64> points_;
  std::vector<u32> starts_;  // one for each bucket, and the number of points
  u32 shift_ = 0;
  bool windowed_ = true;
};

}  // namespace ringfold
