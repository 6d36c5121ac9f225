#include "ringfold/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace ringfold {

void assert_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "ringfold: assertion failed at %s:%d: %s\n", file, line, expression);
  std::fflush(stderr);
  std::abort();
}

}  // namespace ringfold
