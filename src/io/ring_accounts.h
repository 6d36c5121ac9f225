// The accounts of a real Ring's receive buffers, for tests: at the end every buffer must be home.
#pragma once

#include "ringfold/io/ring.h"

namespace ringfold {

struct RingAccounts {
  u32 buffer_references_held = 0;  // handed out in completions and not released
  u32 buffers_lent = 0;            // may be received into
  u32 buffers = 0;
};

// Requires: ring was made by open_uring(), by open_epoll().
[[nodiscard]] RingAccounts uring_accounts(const Ring& ring);
[[nodiscard]] RingAccounts epoll_accounts(const Ring& ring);

}  // namespace ringfold
