#include "ringfold/hash/hash.h"

#include <array>

#include "hash/key_hashes.h"

namespace ringfold {

namespace {

// In the order of HashKind.
constexpr std::array<std::string_view, 13> kHashNames = {
    "one_at_a_time", "md5",      "crc16", "crc32",  "crc32a",  "fnv1_64", "fnv1a_64",
    "fnv1_32",       "fnv1a_32", "hsieh", "murmur", "jenkins", "xxh3"};
static_assert(kHashNames.size() == static_cast<std::size_t>(HashKind::xxh3) + 1);

}  // namespace

u32 hash_key(HashKind kind, std::string_view key) {
  using namespace key_hashes;
  if (key.empty()) return 0;
  switch (kind) {
    case HashKind::one_at_a_time:
      return one_at_a_time(key);
    case HashKind::md5:
      return md5(key);
    case HashKind::crc16:
      return crc16(key);
    case HashKind::crc32:
      return crc32(key);
    case HashKind::crc32a:
      return crc32a(key);
    case HashKind::fnv1_64:
      return fnv1<kFnv64BasisLow, kFnv64PrimeLow>(key);
    case HashKind::fnv1a_64:
      return fnv1a<kFnv64BasisLow, kFnv64PrimeLow>(key);
    case HashKind::fnv1_32:
      return fnv1<kFnv32Basis, kFnv32Prime>(key);
    case HashKind::fnv1a_32:
      return fnv1a<kFnv32Basis, kFnv32Prime>(key);
    case HashKind::hsieh:
      return hsieh(key);
    case HashKind::murmur:
      return murmur(key);
    case HashKind::jenkins:
      return jenkins(key);
    case HashKind::xxh3:
      return xxh3(key);
  }
  __builtin_unreachable();
}

std::optional<HashKind> parse_hash_kind(std::string_view name) {
  for (std::size_t index = 0; index < kHashNames.size(); ++index) {
    if (kHashNames[index] == name) return static_cast<HashKind>(index);
  }
  return std::nullopt;
}

std::string_view to_string(HashKind kind) {
  return kHashNames[static_cast<std::size_t>(kind)];
}

}  // namespace ringfold
