// The remainder of a division by a number known in advance, without the division instruction, which
// is several times slower than two multiplications.
// Source: Lemire, Kaser, Kurz, "Faster remainder by direct computation", 2019: exact for all 32-bit
// numbers and divisors.
#pragma once

#include "ringfold/base/assert.h"
#include "ringfold/base/ints.h"

namespace ringfold {

class Remainder {
 public:
  // Everything modulo 1 is 0.
  Remainder() = default;

  explicit Remainder(u32 divisor) : divisor_(divisor) {
    RINGFOLD_ASSERT(divisor > 0);
    inverse_ = UINT64_MAX / divisor + 1;  // wraps to 0 for the divisor 1, which is right
  }

  // number % divisor.
  [[nodiscard]] u32 of(u32 number) const {
    const u64 fraction = inverse_ * number;
    return static_cast<u32>((static_cast<unsigned __int128>(fraction) * divisor_) >> 64);
  }

 private:
  u64 inverse_ = 0;
  u32 divisor_ = 1;
};

}  // namespace ringfold
