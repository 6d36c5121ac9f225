// The hashes that walk the key in words: SuperFastHash, MurmurHash2 and XXH3.
// A key is short: calling into the shared library would cost as much as the hash itself.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "hash/key_hashes.h"
#include "hash/name_hash.h"

namespace ringfold {

static_assert(XXH_VERSION_NUMBER >= 800, "XXH3 gives the same values since xxHash 0.8.0 only");

u64 name_hash(std::string_view name, u64 seed) {
  return XXH3_64bits_withSeed(name.data(), name.size(), seed);
}

namespace key_hashes {

u32 hsieh(std::string_view key) {
  const char* at = key.data();
  std::size_t left = key.size();
  u32 value = 0;
  for (; left >= 4; at += 4, left -= 4) {
    value += load_u16(at);
    value = (value << 16) ^ ((load_u16(at + 2) << 11) ^ value);
    value += value >> 11;
  }
  switch (left) {
    case 3:
      value += load_u16(at);
      value ^= value << 16;
      value ^= signed_byte(at[2]) << 18;
      value += value >> 11;
      break;
    case 2:
      value += load_u16(at);
      value ^= value << 11;
      value += value >> 17;
      break;
    case 1:
      value += unsigned_byte(at[0]);
      value ^= value << 10;
      value += value >> 1;
      break;
    default:
      break;
  }
  value ^= value << 3;
  value += value >> 5;
  value ^= value << 4;
  value += value >> 17;
  value ^= value << 25;
  value += value >> 6;
  return value;
}

u32 murmur(std::string_view key) {
  constexpr u32 kMultiplier = 0x5bd1e995u;
  const char* at = key.data();
  std::size_t left = key.size();
  const u32 length = static_cast<u32>(key.size());
  u32 value = (0xdeadbeefu * length) ^ length;
  for (; left >= 4; at += 4, left -= 4) {
    u32 word = load_u32(at) * kMultiplier;
    word ^= word >> 24;
    value = (value * kMultiplier) ^ (word * kMultiplier);
  }
  if (left > 0) {
    for (std::size_t index = 0; index < left; ++index) {
      value ^= unsigned_byte(at[index]) << (8 * index);
    }
    value *= kMultiplier;
  }
  value ^= value >> 13;
  value *= kMultiplier;
  value ^= value >> 15;
  return value;
}

u32 xxh3(std::string_view key) {
  return static_cast<u32>(XXH3_64bits(key.data(), key.size()));
}

}  // namespace key_hashes

}  // namespace ringfold
