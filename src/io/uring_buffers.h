// UringBuffers: the receive memory of one ring, lent to the kernel as provided buffers.
//
// Two modes. Incremental (Linux 6.12): few large buffers; the kernel writes receives of any socket
// one behind the other into the current buffer until it is full. Classic: many small buffers, one
// for each receive.
//
// Owners of a buffer, counted in references:
//   the kernel      1 while it may still write behind what it has delivered
//   the receivers   1 for each completion handed out, until release()
// At 0 the buffer goes back to the kernel from its start. Invariant: a buffer with 0 references is
// in the kernel's ring, or on its way there within release() or take().
#pragma once

#include <liburing.h>

#include <vector>

#include "io/receive_memory.h"
#include "io/uring_kernel.h"
#include "io/uring_queue.h"
#include "ringfold/base/ints.h"
#include "ringfold/io/ring.h"

namespace ringfold {

class UringBuffers {
 public:
  struct Shape {
    u32 count = 0;  // a power of two, at most 32768
    u32 size = 0;   // bytes of each
    bool incremental = false;
  };
  struct Received {
    u16 buffer = kNoBuffer;
    const char* data = nullptr;
  };

  static constexpr u16 kGroup = 0;

  UringBuffers() = default;
  UringBuffers(const UringBuffers&) = delete;
  UringBuffers& operator=(const UringBuffers&) = delete;

  // Takes the memory and lends all of it to queue's kernel side. 0 or -errno; -EINVAL: the kernel
  // lacks this mode. Requires: queue is closed before these buffers are destroyed.
  [[nodiscard]] int open(UringQueue& queue, const Shape& shape);

  // Where the bytes of a completion of a receive lie: result and flags are the completion's, and
  // all completions with a buffer must pass through here in their order. Without bytes there is no
  // buffer to release either.
  [[nodiscard]] Received take(i32 result, u32 flags);

  // Ends one reference that take() handed out.
  void release(u16 buffer);

  // References handed out and not yet released.
  u32 held() const { return held_; }

  // Memory of all of them.
  u64 bytes() const { return u64{shape_.count} * shape_.size; }

  // Buffers the kernel may fill.
  u32 lent() const;

 private:
  struct Buffer {
    u32 references = 0;
    u32 offset = 0;    // where the kernel writes next (incremental)
    u16 position = 0;  // its entry in the ring, modulo 2^16
    bool lent = false;
  };

  void lend(u16 index);
  void drop_reference(u16 index);
  bool kernel_has_passed(const Buffer& buffer) const;
  char* memory(u16 index) const { return memory_.buffers() + std::size_t{index} * shape_.size; }

  Shape shape_;
  int ring_fd_ = -1;
  ReceiveMemory memory_;  // in front: the kernel's ring of entries
  io_uring_buf_ring* entries_ = nullptr;
  std::vector<Buffer> buffers_;
  u16 tail_ = 0;
  u32 held_ = 0;
};

}  // namespace ringfold
