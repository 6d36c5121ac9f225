// The names of keys: a prefix and the number in twelve digits ("load:000000012345"). All names of
// one prefix are equally long, so a request can be built once and only its digits changed.
#pragma once

#include <array>
#include <cstring>

#include "ringfold/base/ints.h"

namespace ringfold::load {

inline constexpr u32 kKeyDigits = 12;

// Keys from here on are never written: a read of one must miss.
inline constexpr u64 kMissingFrom = 500'000'000'000;
inline constexpr u64 kKeyspaceMax = kMissingFrom;

namespace detail {

// "0000" to "9999", one behind the other.
inline constexpr auto kFourDigits = [] {
  std::array<char, 40000> digits{};
  for (u32 number = 0; number < 10000; ++number) {
    u32 rest = number;
    for (u32 place = 4; place-- > 0; rest /= 10) {
      digits[number * 4 + place] = static_cast<char>('0' + rest % 10);
    }
  }
  return digits;
}();

}  // namespace detail

// Requires: key < 10^12; kKeyDigits bytes may be written.
inline void write_digits(char* out, u64 key) {
  const u32 upper = static_cast<u32>(key / 100'000'000);
  const u32 lower = static_cast<u32>(key % 100'000'000);
  std::memcpy(out, &detail::kFourDigits[std::size_t{upper} * 4], 4);
  std::memcpy(out + 4, &detail::kFourDigits[std::size_t{lower / 10000} * 4], 4);
  std::memcpy(out + 8, &detail::kFourDigits[std::size_t{lower % 10000} * 4], 4);
}

}  // namespace ringfold::load
