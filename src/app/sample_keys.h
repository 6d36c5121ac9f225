// Keys to try rings with: the same ones in every run, of the kinds that applications use.
#pragma once

#include <string>
#include <string_view>

#include "ringfold/base/ints.h"
#include "ringfold/base/prng.h"

namespace ringfold {

// With so many keys a share of them is within 0.31 percentage points of the true one, at 95 %
// confidence: 1.96 * sqrt(0.25 / 100000), the normal approximation at its widest.
inline constexpr u32 kSampleCount = 100'000;
inline constexpr std::string_view kSamplingError = "0.31";

class SampleKeys {
 public:
  // hash_tag: two bytes, which some of the keys have in them; "" is taken as "{}".
  explicit SampleKeys(std::string_view hash_tag) : tag_(hash_tag.empty() ? "{}" : hash_tag) {}

  // Drawn from so many that two of a sample are hardly ever the same.
  [[nodiscard]] std::string next();

 private:
  std::string tag_;
  Prng prng_{0x72696e67666f6c64};  // any number would do
};

}  // namespace ringfold
