// The arithmetic behind weighted rendezvous. The C library's log() differs in its last bits between
// versions and machines, and then so would the place of a key now and then. This one uses only
// + - * / in double precision, which IEEE 754 rounds the same everywhere (the hash library is
// compiled with -ffp-contract=off so that no compiler fuses two of them).
#pragma once

#include <bit>
#include <cfloat>
#include <limits>

#include "ringfold/base/ints.h"

namespace ringfold {

static_assert(FLT_EVAL_METHOD == 0, "every step is to be rounded to double precision");
static_assert(std::numeric_limits<double>::is_iec559);

// 52 bits of a random number as a fraction in the middle of one of 2^52 steps: never 0, never 1,
// and exact, as is 1 minus it.
[[nodiscard]] inline double unit_fraction(u64 random) {
  constexpr double kStep = 1.0 / 4503599627370496.0;  // 2^-52
  return (static_cast<double>(random >> 12) + 0.5) * kStep;
}

// -ln(1 - x) for x in (0, 1) as unit_fraction() makes it, to a relative error below 1e-11.
//
// 1 - x = m * 2^e with m in [sqrt(1/2), sqrt(2)), and ln(m) = 2 atanh(s) with s = (m - 1) / (m +
// 1), which is below 0.1716: the first term left out, s^17 / 17, is below 1e-14 and relative to s
// still smaller.
[[nodiscard]] inline double negative_log(double x) {
  constexpr double kLn2 = 0.693147180559945309417;
  constexpr double kSqrt2 = 1.41421356237309504880;
  constexpr u64 kMantissaMask = (u64{1} << 52) - 1;
  constexpr u64 kExponentOfOne = u64{1023} << 52;
  const u64 bits = std::bit_cast<u64>(1.0 - x);
  double mantissa = std::bit_cast<double>((bits & kMantissaMask) | kExponentOfOne);  // [1, 2)
  i64 exponent = static_cast<i64>(bits >> 52) - 1023;
  if (mantissa >= kSqrt2) {
    mantissa *= 0.5;
    ++exponent;
  }
  const double s = (mantissa - 1.0) / (mantissa + 1.0);
  const double q = s * s;
  double series = 1.0 / 15.0;
  for (int denominator = 13; denominator >= 1; denominator -= 2) {
    series = series * q + 1.0 / static_cast<double>(denominator);
  }
  return -(2.0 * s * series + static_cast<double>(exponent) * kLn2);
}

// Bounds of -ln(1 - x) = x + x^2/2 + x^3/3 + ..., apart from rounding: the first two terms below,
// and those with the rest as a geometric series, x^3/2 + x^4/2 + ..., above.
[[nodiscard]] inline double negative_log_at_least(double x) {
  return x + x * x * 0.5;
}

[[nodiscard]] inline double negative_log_at_most(double x) {
  return (x - x * x * 0.5) / (1.0 - x);
}

}  // namespace ringfold
