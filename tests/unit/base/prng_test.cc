#include "ringfold/base/prng.h"

#include <doctest/doctest.h>

using namespace ringfold;

TEST_CASE("the generator repeats its sequence for a seed") {
  Prng a(42), b(42), c(43);
  const u64 first = a.next();
  CHECK(first == b.next());
  CHECK(first != c.next());
  // First output of SplitMix64 for seed 0, from the reference implementation's published test
  // vector.
  CHECK(Prng(0).next() == 0xe220a8397b1dcdafu);
}

TEST_CASE("below stays below its bound and reaches all of it") {
  Prng prng(7);
  u32 seen = 0;
  for (int i = 0; i < 1000; ++i) {
    const u64 value = prng.below(10);
    REQUIRE(value < 10);
    seen |= 1u << value;
  }
  CHECK(seen == 0x3ff);
}
