// What the memcached request parser and reply scanner share: numbers as memcached reads them, and
// the search for bytes that end a word.
#pragma once

#include <bit>
#include <cstring>
#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold::memcached {

static_assert(std::endian::native == std::endian::little, "bytes are searched in words");

inline u64 load_word(const char* bytes) {
  u64 word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

inline bool is_crlf(const char* bytes) {
  return bytes[0] == '\r' && bytes[1] == '\n';
}

inline bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

// The high bit of every byte that is a space, a control byte or DEL; exact in every byte, because
// no sum leaves its byte.
inline u64 special_bytes(u64 word) {
  constexpr u64 kOnes = 0x0101010101010101u;
  constexpr u64 kHighs = kOnes << 7;
  const u64 low_bits = word & ~kHighs;
  const u64 above_space = low_bits + kOnes * (0x80 - 0x21);
  const u64 is_delete = low_bits + kOnes;
  return (~above_space | is_delete) & ~word & kHighs;
}

// A number as strtol() and strtoul() read it, which is how memcached reads them: a sign may stand
// in front, blanks around. (Blanks other than the space are control bytes, for which the whole line
// is refused, but only after its data block was measured.)
struct Number {
  bool is_number = false;  // false as well: does not fit 64 bits
  bool is_negative = false;
  u64 magnitude = 0;
};

inline Number read_number(std::string_view text) {
  const auto is_blank = [](char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); };
  const char* at = text.data();
  const char* const end = at + text.size();
  Number number;
  while (at != end && is_blank(*at)) ++at;
  if (at != end && (*at == '-' || *at == '+')) number.is_negative = *at++ == '-';
  const char* const digits = at;
  for (; at != end && is_digit(*at); ++at) {
    const u64 digit = static_cast<u64>(*at - '0');
    if (number.magnitude > (UINT64_MAX - digit) / 10) return Number{};
    number.magnitude = number.magnitude * 10 + digit;
  }
  number.is_number = at != digits && (at == end || is_blank(*at) || *at == '\0');
  return number;
}

}  // namespace ringfold::memcached
