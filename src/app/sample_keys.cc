#include "app/sample_keys.h"

#include <fmt/core.h>

namespace ringfold {

std::string SampleKeys::next() {
  const u64 number = prng_.next();
  switch (number % 5) {
    case 0:
      return fmt::format("user:{}", number >> 24);
    case 1:
      return fmt::format("session:{:016x}", number);
    case 2:
      return fmt::format("{}{}{}:visits", tag_[0], number >> 16, tag_[1]);
    case 3:
      return fmt::format("/articles/{}/{}.html", prng_.below(10000), number >> 32);
    default: {
      std::string key;
      for (u64 left = 8 + prng_.below(33); left > 0; --left) {
        key.push_back(static_cast<char>(prng_.next() & 0xff));
      }
      return key;
    }
  }
}

}  // namespace ringfold
