#include "load/values.h"

#include <algorithm>

#include "ringfold/base/prng.h"

namespace ringfold::load {

Values::Values(const Sizes& sizes, u64 seed)
    : sizes_(sizes), fixed_size_(sizes.most()), seed_(seed) {
  Prng prng(seed);
  pattern_.resize(kPatternBytes);
  for (char& character : pattern_) character = static_cast<char>('0' + prng.below(32));
}

bool Values::matches_around(const char* bytes, u32 size, u32 at) const {
  while (size != 0) {
    const u32 count = std::min(size, kPatternBytes - at);
    if (std::memcmp(bytes, pattern_.data() + at, count) != 0) return false;
    bytes += count;
    size -= count;
    at = 0;
  }
  return true;
}

std::string value_text(const Values& values, u64 key, u32 bytes_max) {
  std::string text;
  values.append_cut(text, key, std::min(values.size_of(key), bytes_max));
  return text;
}

}  // namespace ringfold::load
