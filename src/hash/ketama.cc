#include <cfloat>
#include <charconv>
#include <cmath>
#include <string>

#include "hash/md5.h"
#include "ringfold/hash/distributions.h"

namespace ringfold {

namespace {

static_assert(FLT_EVAL_METHOD == 0, "point counts need each step rounded to single precision");

constexpr u32 kPointsPerDigest = 4;
constexpr float kPointsPerServer = 160.0f;

// twemproxy writes "name-number" into a buffer of 273 bytes, of which the last ends the string.
constexpr std::size_t kPointNameLengthMax = 272;

// How many digests a server gets. In exactly these steps, each rounded to single precision, as
// other steps give another count for some weights (and 156 points instead of 160 for 25, 47, 50,
// ... equal servers is twemproxy's count, too). The sum in double precision is twemproxy's own
// guard against a share that fell just short of a whole number.
u32 digest_count(u32 weight, u64 total_weight, std::size_t member_count) {
  const float share = static_cast<float>(weight) / static_cast<float>(total_weight);
  const float points = share * kPointsPerServer;
  const float digests = points / static_cast<float>(kPointsPerDigest);
  const float scaled = digests * static_cast<float>(member_count);
  const float guarded = static_cast<float>(static_cast<double>(scaled) + 0.0000000001);
  return static_cast<u32>(std::floor(guarded));
}

u32 digest_word(const Md5Digest& digest, u32 word) {
  const std::size_t at = std::size_t{word} * 4;
  return u32{digest[at]} | u32{digest[at + 1]} << 8 | u32{digest[at + 2]} << 16 |
         u32{digest[at + 3]} << 24;
}

}  // namespace

std::vector<Point> ketama_points(std::span<const Member> members) {
  u64 total_weight = 0;
  for (const Member& member : members) total_weight += member.weight;
  std::vector<Point> points;
  points.reserve(members.size() * static_cast<std::size_t>(kPointsPerServer));
  std::string point_name;
  for (const Member& member : members) {
    const u32 count = digest_count(member.weight, total_weight, members.size());
    for (u32 number = 0; number < count; ++number) {
      char digits[10];
      char* const digits_end = std::to_chars(digits, digits + sizeof digits, number).ptr;
      point_name.assign(member.name).append("-").append(digits, digits_end);
      if (point_name.size() > kPointNameLengthMax) point_name.resize(kPointNameLengthMax);
      const Md5Digest digest = md5_digest(point_name);
      for (u32 word = 0; word < kPointsPerDigest; ++word) {
        points.push_back({digest_word(digest, word), member.server});
      }
    }
  }
  return points;
}

// There is always a point: the heaviest server's share is 1/n or more, so its digests are 39 or 40
// at least.
KetamaRing::KetamaRing(std::span<const Member> members)
    : ring_(ketama_points(members), UINT32_MAX) {}

}  // namespace ringfold
