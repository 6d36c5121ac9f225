// Short names for the fixed-width integers, and size literals.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringfold {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

// A point in time or a length of time in nanoseconds. The only clock is Ring::now().
using Nanos = i64;
inline constexpr Nanos kNever = INT64_MAX;
inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;

inline namespace literals {
constexpr std::size_t operator""_KiB(unsigned long long n) {
  return n << 10;
}
constexpr std::size_t operator""_MiB(unsigned long long n) {
  return n << 20;
}
constexpr std::size_t operator""_GiB(unsigned long long n) {
  return n << 30;
}
}  // namespace literals

}  // namespace ringfold
