// Number headers of RESP ("*2\r\n", "$13\r\n", ":7\r\n"), shared by the request parser and the
// reply scanner. The exact rule is parse_number(); fast_header() reads the short canonical headers
// nearly all traffic consists of, and says nothing about the others: its caller then takes the
// exact way.
#pragma once

#include <bit>
#include <cstring>
#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold::resp {

static_assert(std::endian::native == std::endian::little, "the headers are compared as words");

inline constexpr u16 kCrLf = 0x0a0d;  // "\r\n" as a little-endian word

inline u64 load_word(const char* bytes) {
  u64 word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

inline bool is_crlf(const char* bytes) {
  u16 word;
  std::memcpy(&word, bytes, sizeof word);
  return word == kCrLf;
}

struct FastHeader {
  u32 size = 0;    // bytes of the header, its CRLF included; 0: not of the fast form
  u32 number = 0;  // below 1,000,000
};

// Bytes behind its start that fast_header() may read.
inline constexpr std::size_t kFastHeaderReach = 9;

// Three to six digits. The digits are moved to the upper end of the word, so that the missing
// leading ones are zeros, and then summed in pairs, fours and eights.
// Source: the well-known SWAR conversion, Lemire, "Quickly parsing eight digits" (2018).
template <char kType>
inline FastHeader long_header(const char* header, u64 word) {
  constexpr u64 kOnes = 0x0101010101010101u;
  constexpr u64 kHighs = kOnes << 7;
  const u64 without_cr = word ^ (kOnes * '\r');
  const u64 cr_found = (without_cr - kOnes) & ~without_cr & kHighs;
  if (cr_found == 0) return {};
  const u32 cr = static_cast<u32>(std::countr_zero(cr_found)) / 8;  // the first one is exact
  const bool framed = static_cast<char>(word) == kType && cr > 3 && header[cr + 1] == '\n';
  const bool leading_zero = static_cast<char>(word >> 8) == '0';
  if (!framed || leading_zero) return {};
  const u64 type_and_zeros = (kOnes * '0') ^ ('0' ^ static_cast<u64>(kType));
  u64 digits = (word ^ type_and_zeros) << (8 * (8 - cr));
  if (((digits | (digits + kOnes * (0x7f - 9))) & kHighs) != 0) return {};
  digits = digits * 10 + (digits >> 8);
  constexpr u64 kPairs = 0x000000ff000000ffu;
  const u64 upper = (digits & kPairs) * (100 + (1'000'000ull << 32));
  const u64 lower = ((digits >> 16) & kPairs) * (1 + (10'000ull << 32));
  return {cr + 2, static_cast<u32>((upper + lower) >> 32)};
}

// Requires: kFastHeaderReach bytes may be read at header. Whether the header ends before the bytes
// that count is for the caller to check.
template <char kType>
inline FastHeader fast_header(const char* header) {
  const u64 word = load_word(header);
  // One and two digits have paths of their own: their length is then a predicted branch, and the
  // place of the next header hangs on the digits alone and not on a search for the CR.
  constexpr u64 kType64 = static_cast<u64>(kType);
  constexpr u64 kCrLf64 = kCrLf;
  if ((word & 0xffff00ffu) == (kType64 | kCrLf64 << 16)) {
    const u32 digit = static_cast<u8>(word >> 8) - u32{'0'};
    if (digit > 9) return {};
    return {4, digit};
  }
  if ((word & 0xffff0000ffu) == (kType64 | kCrLf64 << 24)) {
    const u32 tens = static_cast<u8>(word >> 8) - u32{'0'};
    const u32 ones = static_cast<u8>(word >> 16) - u32{'0'};
    if (tens - 1 > 8 || ones > 9) return {};
    return {5, tens * 10 + ones};
  }
  return long_header<kType>(header, word);
}

// Reads a number as Redis' string2ll does: all of text, an optional '-', no '+', no leading zeros,
// no "-0", no blanks, within i64. False when text is anything else.
inline bool parse_number(std::string_view text, i64& number) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 19) return false;
  if (text[0] == '0' && (text.size() > 1 || negative)) return false;
  u64 magnitude = 0;  // 19 digits fit
  for (const char c : text) {
    const u32 digit = static_cast<u8>(c) - u32{'0'};
    if (digit > 9) return false;
    magnitude = magnitude * 10 + digit;
  }
  const u64 limit = static_cast<u64>(INT64_MAX) + (negative ? 1 : 0);
  if (magnitude > limit) return false;
  number = static_cast<i64>(negative ? 0 - magnitude : magnitude);
  return true;
}

}  // namespace ringfold::resp
