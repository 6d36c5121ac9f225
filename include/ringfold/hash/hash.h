// The key hashes, bit-compatible with twemproxy 0.5.0 (x86 build) where it has them; xxh3 is ours.
// Pure functions over bytes.
#pragma once

#include <optional>
#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold {

enum class HashKind : u8 {
  one_at_a_time,
  md5,
  crc16,
  crc32,
  crc32a,
  fnv1_64,
  fnv1a_64,
  fnv1_32,
  fnv1a_32,
  hsieh,
  murmur,
  jenkins,
  xxh3,
};

// The 32-bit hash of a key. An empty key hashes to 0 for every kind, as in twemproxy.
[[nodiscard]] u32 hash_key(HashKind kind, std::string_view key);

[[nodiscard]] std::optional<HashKind> parse_hash_kind(std::string_view name);
[[nodiscard]] std::string_view to_string(HashKind kind);

}  // namespace ringfold
