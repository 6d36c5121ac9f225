// The distributions that share out a range of numbers: modula and random as in twemproxy, and jump.
#include <algorithm>

#include "ringfold/base/assert.h"
#include "ringfold/base/prng.h"
#include "ringfold/hash/distributions.h"

namespace ringfold {

namespace {

// jump_bucket looks at 31 bits of randomness, so its buckets should be clearly fewer than 2^31.
constexpr u64 kJumpBucketsMax = u64{1} << 30;

// With half of the servers ejected a key comes this far once in 65536 times.
constexpr int kJumpTriesMax = 16;

u64 sum_of_weights(std::span<const Member> members) {
  u64 sum = 0;
  for (const Member& member : members) sum += member.weight;
  return sum;
}

}  // namespace

PointTable lay_ranges(std::span<const Member> members) {
  std::vector<Point> last_numbers;
  last_numbers.reserve(members.size());
  u64 end = 0;
  for (const Member& member : members) {
    RINGFOLD_ASSERT(member.weight > 0);
    if (end > UINT32_MAX) break;
    end += member.weight;
    const u64 last_number = std::min<u64>(end - 1, UINT32_MAX);
    last_numbers.push_back({static_cast<u32>(last_number), member.server});
  }
  RINGFOLD_ASSERT(!last_numbers.empty());
  return PointTable(last_numbers, last_numbers.back().value);
}

ModulaTable::ModulaTable(std::span<const Member> members) : ranges_(lay_ranges(members)) {
  const u64 total_weight = sum_of_weights(members);
  reduced_ = total_weight <= UINT32_MAX;
  if (reduced_) remainder_ = Remainder(static_cast<u32>(total_weight));
}

RandomTable::RandomTable(std::span<const Member> members) {
  RINGFOLD_ASSERT(!members.empty());
  for (const Member& member : members) servers_.push_back(static_cast<u16>(member.server));
}

u32 jump_bucket(u64 key, u32 bucket_count) {
  constexpr u64 kMultiplier = 2862933555777941757u;
  constexpr double kTwoTo31 = 2147483648.0;
  i64 bucket = -1;
  i64 next = 0;
  while (next < i64{bucket_count}) {
    bucket = next;
    key = key * kMultiplier + 1;
    const double stretch = kTwoTo31 / static_cast<double>((key >> 33) + 1);
    next = static_cast<i64>(static_cast<double>(bucket + 1) * stretch);
  }
  return static_cast<u32>(bucket);
}

JumpTable::JumpTable(std::span<const Member> members) {
  std::vector<Member> scaled(members.begin(), members.end());
  while (sum_of_weights(scaled) > kJumpBucketsMax) {
    for (Member& member : scaled) member.weight = member.weight / 2 + member.weight % 2;
  }
  std::vector<Member> live;
  live_.resize(members.size());
  for (const Member& member : scaled) {
    live_[member.server] = member.live ? 1 : 0;
    if (member.live) live.push_back(member);
  }
  ranges_ = lay_ranges(scaled);
  bucket_count_ = static_cast<u32>(sum_of_weights(scaled));
  live_ranges_ = lay_ranges(live);
  live_bucket_count_ = static_cast<u32>(sum_of_weights(live));
}

u32 JumpTable::find(u32 hash) const {
  Prng numbers(hash);
  for (int tries = 0; tries < kJumpTriesMax; ++tries) {
    const u32 server = ranges_.find(jump_bucket(numbers.next(), bucket_count_));
    if (__builtin_expect(live_[server] != 0, 1)) return server;
  }
  // Nearly everything is ejected. The shares are still by weight; only those keys that get here
  // may also move between living servers when the next one is ejected.
  return live_ranges_.find(jump_bucket(numbers.next(), live_bucket_count_));
}

}  // namespace ringfold
