// Writer: the only sender. Handlers append to batches and mark their sockets; when the tick ends
// every marked socket that has no send in flight gets exactly one. A socket whose send is in flight
// keeps collecting.
#pragma once

#include "ringfold/base/ints.h"

namespace ringfold {

struct Context;

void mark_client_dirty(Context& context, u32 index);
void mark_backend_dirty(Context& context, u32 index);

// Prepares the sends; the next Ring::wait() submits them together.
void flush_dirty(Context& context);

}  // namespace ringfold
