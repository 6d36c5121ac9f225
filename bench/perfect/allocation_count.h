// How often memory was asked for: malloc and its relatives, and thereby operator new, and mmap. A
// program that links allocation_count.cc has these calls counted; what the C library asks for
// within itself is not.
#pragma once

#include "ringfold/base/ints.h"

namespace ringfold::perfect {

// Of the calling thread, since its start.
[[nodiscard]] u64 allocation_count();

}  // namespace ringfold::perfect
