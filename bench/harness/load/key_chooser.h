// KeyChooser: which key comes next. Keys are numbers from 0; key_names.h gives them their names.
#pragma once

#include <string_view>

#include "ringfold/base/error.h"
#include "ringfold/base/ints.h"
#include "ringfold/base/prng.h"

namespace ringfold::load {

enum class Distribution : u8 { uniform, zipf, gaussian, sequential };

struct DistributionSpec {
  Distribution kind = Distribution::uniform;
  // zipf: the exponent s, key k is chosen with a chance proportional to 1 / (k + 1)^s.
  // gaussian: the standard deviation as a share of the key space; the mean is its middle.
  double parameter = 0;
};

// "uniform", "zipf" (s = 0.99, as YCSB has it), "zipf:1.2", "gaussian" (a sixth of the key space),
// "gaussian:0.1", "sequential".
[[nodiscard]] Expected<DistributionSpec> parse_distribution(std::string_view text);

// One thread's choices. The same seed gives the same keys.
class KeyChooser {
 public:
  // Requires: keyspace > 0. Of `threads` sequential choosers, number `thread` takes every
  // threads-th key, so that all together walk through the key space once a round.
  KeyChooser(const DistributionSpec& spec, u64 keyspace, u32 thread, u32 threads);

  u64 next(Prng& prng) {
    switch (spec_.kind) {
      case Distribution::uniform:
        return prng.below(keyspace_);
      case Distribution::zipf:
        return next_zipf(prng);
      case Distribution::gaussian:
        return next_gaussian(prng);
      case Distribution::sequential:
        break;
    }
    const u64 key = position_;
    position_ = (position_ + step_) % keyspace_;
    return key;
  }

 private:
  u64 next_zipf(Prng& prng) const;
  u64 next_gaussian(Prng& prng) const;
  double area(double x) const;
  double area_inverse(double y) const;
  double height(double x) const;

  DistributionSpec spec_;
  u64 keyspace_;
  u64 position_;
  u64 step_;
  double area_first_ = 0;
  double area_last_ = 0;
  double sure_ = 0;
};

}  // namespace ringfold::load
