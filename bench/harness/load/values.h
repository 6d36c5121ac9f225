// Values: the bytes of each key's value, which say whose they are. They hang on the key's number
// and a seed alone, so whoever writes a key writes the same, and any reply can be checked byte for
// byte by someone who remembers nothing.
//
//   value(key) = tag(key) | pattern[offset(key)], pattern[offset(key) + 1], ...     cut to its size
//
// tag: eight characters that spell the key's number in base 32, least significant digit first, so
//   two keys never have the same value (if it has eight bytes).
// pattern: pseudo-random characters, read around; making a value and checking one is a memcpy and
//   a memcmp.
// All characters are from "0" to "O" (0x30 to 0x4f): printable, without quotes.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "load/sizes.h"
#include "ringfold/base/ints.h"

namespace ringfold::load {

class Values {
 public:
  static constexpr u32 kTagBytes = 8;
  static constexpr u32 kPatternBytes = 64 * 1024;  // small enough to stay in the cache

  Values(const Sizes& sizes, u64 seed);

  u32 size_of(u64 key) const { return sizes_.is_fixed() ? fixed_size_ : sizes_.size_of(mix(key)); }
  const Sizes& sizes() const { return sizes_; }

  // Appends the value in pieces. Out is anything with append(std::string_view).
  template <class Out>
  void append(Out& out, u64 key) const {
    append_cut(out, key, size_of(key));
  }
  // The same, of another size: its first bytes, or more of them.
  template <class Out>
  void append_cut(Out& out, u64 key, u32 size) const {
    char head[kTagBytes];
    write_tag(head, key);
    out.append(std::string_view(head, size < kTagBytes ? size : kTagBytes));
    if (size <= kTagBytes) return;
    u32 left = size - kTagBytes;
    for (u32 at = offset_of(key); left != 0; at = 0) {
      const u32 count = left < kPatternBytes - at ? left : kPatternBytes - at;
      out.append(std::string_view(pattern_.data() + at, count));
      left -= count;
    }
  }

  // Whether the size_of(key) bytes at `bytes` are the key's value.
  bool matches(const char* bytes, u32 size, u64 key) const {
    char head[kTagBytes];
    write_tag(head, key);
    if (size <= kTagBytes) return std::memcmp(bytes, head, size) == 0;
    if (std::memcmp(bytes, head, kTagBytes) != 0) return false;
    const u32 at = offset_of(key);
    const u32 left = size - kTagBytes;
    if (left <= kPatternBytes - at) [[likely]] {
      return std::memcmp(bytes + kTagBytes, pattern_.data() + at, left) == 0;
    }
    return matches_around(bytes + kTagBytes, left, at);
  }

 private:
  // SplitMix64's finisher (base/prng.h has the source).
  u64 mix(u64 key) const {
    u64 z = (key + seed_) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  u32 offset_of(u64 key) const {
    return static_cast<u32>(((key + seed_) * 0x9e3779b97f4a7c15u) >> 48) % kPatternBytes;
  }

  // Spreads 40 bits, which hold any key number, over eight bytes of five bits each.
  void write_tag(char* out, u64 key) const {
    u64 bits = (key ^ seed_) & 0xffffffffffu;
    bits = (bits & 0x00000000000fffffu) | (bits & 0x000000fffff00000u) << 12;
    bits = (bits & 0x000003ff000003ffu) | (bits & 0x000ffc00000ffc00u) << 6;
    bits = (bits & 0x001f001f001f001fu) | (bits & 0x03e003e003e003e0u) << 3;
    bits += 0x3030303030303030u;
    std::memcpy(out, &bits, sizeof bits);
  }
  bool matches_around(const char* bytes, u32 size, u32 at) const;

  Sizes sizes_;
  u32 fixed_size_;
  u64 seed_;
  std::string pattern_;
};

// The value, or its first bytes. For texts of errors.
[[nodiscard]] std::string value_text(const Values& values, u64 key, u32 bytes_max = UINT32_MAX);

}  // namespace ringfold::load
