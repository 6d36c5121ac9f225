// Connection: one client of the null backend.
#pragma once

#include "ringfold/base/ints.h"
#include "ringfold/base/slab.h"
#include "ringfold/mem/batch.h"
#include "ringfold/mem/block_pool.h"

namespace ringfold::backend {

enum class ConnectionState : u8 {
  free,
  open,      // reads requests
  draining,  // reads no more; closes when all is sent
  closing,   // waits for the kernel to end its operations
};

struct Connection {
  u32 slab_next = kNone;
  i32 fd = -1;
  u32 generation = 0;  // 24 bits; counts the uses of the slot
  ConnectionState state = ConnectionState::free;
  u8 operations = 0;  // in the kernel: a receive and a send at most
  bool receiving : 1 = false;
  bool sending : 1 = false;
  bool dirty : 1 = false;   // stands in the list of those to send to
  bool queued : 1 = false;  // stands in the list of those to look at when the tick ends
  bool paused : 1 = false;  // not read until it has taken what it asked for
  bool end_of_stream : 1 = false;
  Batch out;
  u64 held_bytes = 0;  // the last bytes of out, which are not due yet (held_replies.h)
  u32 held_count = 0;
  u32 first_hold = kNone;
  u32 last_hold = kNone;
  Block* carry = nullptr;  // received and not handled, behind a RequestFrame; owned
  u64 skip_bytes = 0;      // of a refused request, still to come and to be dropped

  u64 sendable() const { return out.size() - held_bytes; }
};

}  // namespace ringfold::backend
