// Sizes: how long the value of each key is. The size hangs on the key alone, so that a reply can be
// checked without remembering what was written.
#pragma once

#include <string_view>
#include <vector>

#include "ringfold/base/error.h"
#include "ringfold/base/ints.h"

namespace ringfold::load {

// What Redis takes at most; memcached's own limit is less and its own to report.
inline constexpr u32 kValueSizeMax = 512u << 20;

class Sizes {
 public:
  // "32", "16-1024" (each size as often as the others), "32:70,1024:25,4096-65536:5" (weights).
  // The shares are shares of the keys: where some keys are asked for more often than others, the
  // sizes in the traffic follow the keys.
  [[nodiscard]] static Expected<Sizes> parse(std::string_view text);

  // hash: a well-mixed number of the key.
  u32 size_of(u64 hash) const {
    return ranges_.size() == 1 && ranges_[0].least == ranges_[0].most ? ranges_[0].least
                                                                      : pick(hash);
  }
  bool is_fixed() const { return least() == most(); }
  u32 least() const;
  u32 most() const;

 private:
  struct Range {
    u32 least = 0;
    u32 most = 0;
    u64 weight_up_to = 0;  // of this range and those before it
  };

  u32 pick(u64 hash) const;

  std::vector<Range> ranges_;
};

}  // namespace ringfold::load
