// What `ringfold -V` prints.
#pragma once

#include <string>

namespace ringfold {

// Several lines: ringfold, liburing as compiled and as loaded, the kernel, the features of
// io_uring and epoll, and which of them io = "auto" takes.
[[nodiscard]] std::string describe_version();

}  // namespace ringfold
