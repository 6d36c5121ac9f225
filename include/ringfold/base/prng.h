// A small seeded pseudo-random generator: the same seed gives the same sequence on every machine.
// Algorithm: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
// 2014), constants from that paper. Not for secrets.
#pragma once

#include "ringfold/base/ints.h"

namespace ringfold {

class Prng {
 public:
  explicit constexpr Prng(u64 seed) : state_(seed) {}

  constexpr u64 next() {
    state_ += 0x9e3779b97f4a7c15u;
    u64 z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // A number in [0, bound). Requires: bound > 0. Slightly biased for huge bounds, which no user
  // minds.
  constexpr u64 below(u64 bound) {
    return static_cast<u64>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }

  // True with probability numerator / denominator.
  constexpr bool chance(u64 numerator, u64 denominator) { return below(denominator) < numerator; }

 private:
  u64 state_;
};

}  // namespace ringfold
