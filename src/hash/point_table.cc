#include "ringfold/hash/point_table.h"

#include <bit>

namespace ringfold {

namespace {

constexpr std::size_t kPointsMax = std::size_t{1} << 27;

// Buckets start at one to two for a point and grow at most to this many times as many.
constexpr u32 kBucketGrowthBits = 4;

// How many points lie in the fullest bucket. points: value in the high half, sorted.
std::size_t fullest_bucket(std::span<const u64> points, u32 shift) {
  std::size_t fullest = 0;
  std::size_t count = 0;
  u64 bucket = 0;
  for (const u64 point : points) {
    const u64 its_bucket = point >> 32 >> shift;
    count = its_bucket == bucket ? count + 1 : 1;
    bucket = its_bucket;
    fullest = std::max(fullest, count);
  }
  return fullest;
}

}  // namespace

PointTable::PointTable(std::span<const Point> points, u32 largest_number) {
  RINGFOLD_ASSERT(!points.empty());
  RINGFOLD_ASSERT(points.size() <= kPointsMax);
  const std::size_t point_count = points.size();
  points_.reserve(point_count + kWindow);
  // Sorted with the place in the input below the value, so that equal values keep their order.
  for (std::size_t index = 0; index < point_count; ++index) {
    RINGFOLD_ASSERT(points[index].value <= largest_number);
    points_.push_back(u64{points[index].value} << 32 | index);
  }
  std::sort(points_.begin(), points_.end());

  // A bucket needs no more bits than the numbers have: then it is a single number.
  const u32 number_bits = static_cast<u32>(std::bit_width(largest_number));
  const u32 point_bits = static_cast<u32>(std::bit_width(point_count));
  const u32 bucket_bits_max = std::min(number_bits, point_bits + kBucketGrowthBits);
  u32 bucket_bits = std::min(number_bits, point_bits);
  // A shift by all 32 bits would be undefined; it cannot be, as a point takes at least one bit.
  while (bucket_bits < bucket_bits_max &&
         fullest_bucket(points_, number_bits - bucket_bits) > kWindow) {
    ++bucket_bits;
  }
  shift_ = number_bits - bucket_bits;
  windowed_ = fullest_bucket(points_, shift_) <= kWindow;

  const std::size_t bucket_count = std::size_t{largest_number >> shift_} + 1;
  starts_.reserve(bucket_count + 1);
  std::size_t start = 0;
  for (std::size_t bucket = 0; bucket < bucket_count; ++bucket) {
    while (start < point_count && points_[start] >> 32 >> shift_ < bucket) ++start;
    starts_.push_back(static_cast<u32>(start));
  }
  starts_.push_back(static_cast<u32>(point_count));

  for (u64& point : points_) {
    point = (point & ~u64{0xffffffff}) | points[static_cast<u32>(point)].owner;
  }
  const u64 round_the_circle = (u64{0xffffffff} << 32) | owner_of(points_.front());
  points_.insert(points_.end(), kWindow, round_the_circle);
}

}  // namespace ringfold
