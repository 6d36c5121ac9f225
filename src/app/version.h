// What `ringfold -V` prints.
#pragma once

#include <string>

namespace ringfold {

// Several lines: ringfold, liburing as compiled and as loaded, the kernel, io_uring's features.
[[nodiscard]] std::string describe_version();

}  // namespace ringfold
