#include "backend/held_replies.h"

#include <algorithm>

#include "ringfold/base/assert.h"

namespace ringfold::backend {

void HeldReplies::add_timer(const Connection& connection, u32 index) {
  timers_.push_back({holds_[connection.first_hold].due, index, connection.generation});
  std::push_heap(timers_.begin(), timers_.end());
}

HeldReplies::Timer HeldReplies::take_timer() {
  std::pop_heap(timers_.begin(), timers_.end());
  const Timer timer = timers_.back();
  timers_.pop_back();
  return timer;
}

bool HeldReplies::hold(Connection& connection, u32 index, u64 bytes, Nanos due) {
  const u32 slot = holds_.take();
  if (slot == kNone) return false;
  holds_[slot] = {.bytes = bytes, .due = due};
  connection.held_bytes += bytes;
  ++connection.held_count;
  if (connection.first_hold != kNone) {
    holds_[connection.last_hold].next = slot;
    connection.last_hold = slot;
    return true;
  }
  connection.first_hold = slot;
  connection.last_hold = slot;
  add_timer(connection, index);
  return true;
}

void HeldReplies::release_due(Connection& connection, u32 index, Nanos now) {
  while (connection.first_hold != kNone && holds_[connection.first_hold].due <= now) {
    const u32 slot = connection.first_hold;
    RINGFOLD_ASSERT(connection.held_bytes >= holds_[slot].bytes);
    connection.held_bytes -= holds_[slot].bytes;
    --connection.held_count;
    connection.first_hold = holds_[slot].next;
    holds_.release(slot);
  }
  if (connection.first_hold != kNone) add_timer(connection, index);
}

void HeldReplies::drop(Connection& connection) {
  while (connection.first_hold != kNone) {
    const u32 slot = connection.first_hold;
    connection.first_hold = holds_[slot].next;
    holds_.release(slot);
  }
  connection.held_bytes = 0;
  connection.held_count = 0;
}

}  // namespace ringfold::backend
