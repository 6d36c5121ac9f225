// The accounts of an io_uring Ring, for tests: at the end every buffer must be home.
#pragma once

#include "ringfold/io/ring.h"

namespace ringfold {

struct UringAccounts {
  u32 buffer_references_held = 0;  // handed out in completions and not released
  u32 buffers_lent = 0;            // the kernel may fill them
  u32 buffers = 0;
};

// Requires: ring was made by open_uring().
[[nodiscard]] UringAccounts uring_accounts(const Ring& ring);

}  // namespace ringfold
