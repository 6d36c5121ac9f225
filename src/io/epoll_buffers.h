// EpollBuffers: the receive memory of one epoll ring. Receives of any socket are written one behind
// the other into the current buffer until it is full, as io_uring's incremental buffers are.
//
// Owners of a buffer, counted in references:
//   the ring        1 while it is the current one
//   the receivers   1 for each completion handed out, until release()
// At 0 a buffer is free. A current buffer that no receiver holds is filled from its start again, so
// that a ring with little to do stays in the same few, cached pages.
#pragma once

#include <span>
#include <vector>

#include "io/receive_memory.h"
#include "ringfold/base/ints.h"
#include "ringfold/io/ring.h"

namespace ringfold {

class EpollBuffers {
 public:
  struct Received {
    u16 buffer = kNoBuffer;
    const char* data = nullptr;
  };

  // Takes the memory. 0 or -errno. Once per object. Requires: 1 <= count < kNoBuffer, size > 0.
  [[nodiscard]] int open(u32 count, u32 size);

  // Where the next bytes go; empty when no buffer is free. Valid until: the next call of anything.
  [[nodiscard]] std::span<char> room();

  // size bytes have been written to the start of room(). Requires: 0 < size <= room().size().
  [[nodiscard]] Received take(std::size_t size);

  // Ends one reference that take() handed out.
  void release(u16 buffer);

  // References handed out and not yet released.
  u32 held() const { return held_; }

  u32 count() const { return static_cast<u32>(references_.size()); }

  // Memory of all of them.
  u64 bytes() const { return u64{count()} * size_; }

  // Buffers with room.
  u32 lent() const { return static_cast<u32>(free_.size()) + (current_ == kNoBuffer ? 0 : 1); }

 private:
  void drop_reference(u16 index);

  ReceiveMemory memory_;
  u32 size_ = 0;                 // bytes of each
  std::vector<u32> references_;  // of each
  std::vector<u16> free_;        // the last one is the next
  u16 current_ = kNoBuffer;
  u32 offset_ = 0;  // where the next receive goes in the current one
  u32 held_ = 0;
};

}  // namespace ringfold
