// Bob Jenkins' two hashes: one-at-a-time and lookup3.
#include <bit>

#include "hash/key_hashes.h"

namespace ringfold::key_hashes {

namespace {

struct State {
  u32 a, b, c;
};

// One round over a full block of twelve bytes. The rotations are lookup3's.
inline void mix(State& s) {
  s.a = (s.a - s.c) ^ std::rotl(s.c, 4), s.c += s.b;
  s.b = (s.b - s.a) ^ std::rotl(s.a, 6), s.a += s.c;
  s.c = (s.c - s.b) ^ std::rotl(s.b, 8), s.b += s.a;
  s.a = (s.a - s.c) ^ std::rotl(s.c, 16), s.c += s.b;
  s.b = (s.b - s.a) ^ std::rotl(s.a, 19), s.a += s.c;
  s.c = (s.c - s.b) ^ std::rotl(s.b, 4), s.b += s.a;
}

inline void final_mix(State& s) {
  s.c = (s.c ^ s.b) - std::rotl(s.b, 14);
  s.a = (s.a ^ s.c) - std::rotl(s.c, 11);
  s.b = (s.b ^ s.a) - std::rotl(s.a, 25);
  s.c = (s.c ^ s.b) - std::rotl(s.b, 16);
  s.a = (s.a ^ s.c) - std::rotl(s.c, 4);
  s.b = (s.b ^ s.a) - std::rotl(s.a, 14);
  s.c = (s.c ^ s.b) - std::rotl(s.b, 24);
}

}  // namespace

u32 one_at_a_time(std::string_view key) {
  u32 value = 0;
  for (const char c : key) {
    value += signed_byte(c);
    value += value << 10;
    value ^= value >> 6;
  }
  value += value << 3;
  value ^= value >> 11;
  value += value << 15;
  return value;
}

u32 jenkins(std::string_view key) {
  constexpr u32 kStartValue = 13;
  constexpr std::size_t kBlockLength = 12;
  // lookup3 adds the low 32 bits of the length; no key of a request is longer than that.
  const u32 start = 0xdeadbeefu + static_cast<u32>(key.size()) + kStartValue;
  State s{start, start, start};
  const char* at = key.data();
  std::size_t left = key.size();
  for (; left > kBlockLength; at += kBlockLength, left -= kBlockLength) {
    s.a += load_u32(at);
    s.b += load_u32(at + 4);
    s.c += load_u32(at + 8);
    mix(s);
  }
  if (left == 0) return s.c;
  // lookup3's switch over the tail's length adds up to this: the tail, filled with zeros.
  char tail[kBlockLength] = {};
  std::memcpy(tail, at, left);
  s.a += load_u32(tail);
  s.b += load_u32(tail + 4);
  s.c += load_u32(tail + 8);
  final_mix(s);
  return s.c;
}

}  // namespace ringfold::key_hashes
