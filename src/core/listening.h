// Listening: a pool's listening sockets, and the clients that come through them.
#pragma once

#include "core/snapshot.h"
#include "ringfold/base/error.h"
#include "ringfold/io/ring.h"

namespace ringfold {

struct Context;

// Listens where the pool is to listen now, and nowhere else. The error is that of the first address
// that could not be opened; the others are open all the same.
[[nodiscard]] Expected<void> follow_listeners(Context& context, u16 pool,
                                              const PoolAddresses& addresses);

// Accepts nobody for the pool any more; the sockets close when the kernel has let go.
void stop_listeners(Context& context, u16 pool);

void on_accepted(Context& context, const Completion& completion);

// Accepts again where accepting has failed, for want of descriptors most likely.
void restart_listeners(Context& context);

// True when each of the pool's sockets is closed.
[[nodiscard]] bool has_no_listener(const Context& context, u16 pool);

}  // namespace ringfold
