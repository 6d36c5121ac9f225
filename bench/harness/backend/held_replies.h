// HeldReplies: which replies may not leave yet. Their bytes already stand in their connection's
// batch, in order; a hold says how many of the last ones belong to a reply, and until when they
// stay. A reply waits for those in front of it, whenever it is due itself.
//
//   batch:  [ may be sent ][ hold ][ hold ][ hold ]
//                           held_bytes = the sum of them
#pragma once

#include <vector>

#include "backend/connection.h"
#include "ringfold/base/ints.h"
#include "ringfold/base/slab.h"

namespace ringfold::backend {

class HeldReplies {
 public:
  static constexpr u32 kHoldsMax = 1u << 24;

  HeldReplies() { timers_.reserve(kTimersExpected); }

  // The last `bytes` bytes of the connection's batch stay until due. False: there are too many
  // holds; the bytes may be sent at once.
  [[nodiscard]] bool hold(Connection& connection, u32 index, u64 bytes, Nanos due);

  // Lets go what is due. Calls on_released(index) for each connection that may send more, at least
  // once. connections: anything that gives a Connection& for an index.
  template <class Connections, class OnReleased>
  void release(Connections& connections, Nanos now, OnReleased on_released) {
    while (!timers_.empty() && timers_.front().due <= now) {
      const Timer timer = take_timer();
      Connection& connection = connections[timer.connection];
      // The connection may be gone, and its slot another's.
      if (connection.generation != timer.generation || connection.first_hold == kNone) continue;
      release_due(connection, timer.connection, now);
      on_released(timer.connection);
    }
  }

  // Forgets the connection's holds: it is being closed.
  void drop(Connection& connection);

  // When the next reply is due; kNever: none waits.
  [[nodiscard]] Nanos next_due() const { return timers_.empty() ? kNever : timers_.front().due; }

 private:
  struct Hold {
    u32 slab_next = kNone;
    u32 next = kNone;
    u64 bytes = 0;
    Nanos due = 0;
  };
  // The hold at the front of a connection's line.
  struct Timer {
    Nanos due = 0;
    u32 connection = kNone;
    u32 generation = 0;
    bool operator<(const Timer& other) const { return due > other.due; }  // the earliest on top
  };

  // One for each connection that waits. Memory is reserved for so many, and used by those there
  // are.
  static constexpr std::size_t kTimersExpected = 64_KiB;

  void add_timer(const Connection& connection, u32 index);
  Timer take_timer();
  void release_due(Connection& connection, u32 index, Nanos now);

  Slab<Hold> holds_{kHoldsMax};
  std::vector<Timer> timers_;  // a heap
};

}  // namespace ringfold::backend
