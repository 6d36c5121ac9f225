// Why io_uring cannot be used here and what an operator can do about it, as text.
#pragma once

#include <string>

#include "ringfold/base/ints.h"

namespace ringfold {

// What decides the remedy.
struct SetupCircumstances {
  int disabled = -1;      // kernel.io_uring_disabled; -1: the kernel has no such setting
  u64 memlock_limit = 0;  // RLIMIT_MEMLOCK, bytes
};

[[nodiscard]] SetupCircumstances setup_circumstances();

// error: the errno of io_uring_setup, of registering the receive buffers.
[[nodiscard]] std::string describe_setup_failure(int error, const SetupCircumstances& around);
[[nodiscard]] std::string describe_buffer_failure(int error, const SetupCircumstances& around);

// When a process dies of io_uring's system calls.
[[nodiscard]] std::string describe_kill();

// Whether a process survives io_uring's system calls, found out with a child. True as well when no
// child can be made: the next who tries will know.
[[nodiscard]] bool survives_uring_calls();

}  // namespace ringfold
