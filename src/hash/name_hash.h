// The 64-bit hash of a server's name for the distributions that are not twemproxy's.
#pragma once

#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold {

// XXH3_64bits_withSeed: the same on every machine.
[[nodiscard]] u64 name_hash(std::string_view name, u64 seed);

}  // namespace ringfold
