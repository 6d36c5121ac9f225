#include "io/uring_buffers.h"

#include <bit>
#include <cerrno>
#include <cstddef>

#include "ringfold/base/assert.h"

namespace ringfold {

int UringBuffers::open(UringQueue& queue, const Shape& shape) {
  RINGFOLD_ASSERT(std::has_single_bit(shape.count) && shape.count <= 32768 && shape.size > 0);
  const int unmapped =
      memory_.map(shape.count * sizeof(io_uring_buf), std::size_t{shape.count} * shape.size);
  if (unmapped < 0) return unmapped;
  shape_ = shape;
  ring_fd_ = queue.ring().ring_fd;
  entries_ = static_cast<io_uring_buf_ring*>(memory_.front());

  uring::BufferRingRegistration registration;
  static_assert(sizeof(registration) == sizeof(io_uring_buf_reg));
  registration.ring_address = reinterpret_cast<u64>(entries_);
  registration.ring_entries = shape.count;
  registration.group = kGroup;
  registration.flags = shape.incremental ? uring::kBufferRingIncremental : u16{0};
  const int error =
      io_uring_register(static_cast<u32>(ring_fd_), IORING_REGISTER_PBUF_RING, &registration, 1);
  if (error < 0) return error;
  buffers_.resize(shape.count);
  for (u32 index = 0; index < shape.count; ++index) lend(static_cast<u16>(index));
  return 0;
}

u32 UringBuffers::lent() const {
  u32 count = 0;
  for (const Buffer& buffer : buffers_) count += buffer.lent;
  return count;
}

// Writes the three fields of an entry and nothing else: the last two bytes of entry 0 are the tail
// of the ring. The array is reached through a cast because the flexible member of some versions of
// the header stands 8 bytes too far in C++.
void UringBuffers::lend(u16 index) {
  Buffer& buffer = buffers_[index];
  RINGFOLD_ASSERT(buffer.references == 0);
  io_uring_buf* const array = reinterpret_cast<io_uring_buf*>(entries_);
  io_uring_buf& entry = array[tail_ & (shape_.count - 1)];
  entry.addr = reinterpret_cast<u64>(memory(index));
  entry.len = shape_.size;
  entry.bid = index;
  buffer = {.references = 1, .offset = 0, .position = tail_, .lent = true};
  ++tail_;
  io_uring_smp_store_release(&entries_->tail, tail_);
}

void UringBuffers::drop_reference(u16 index) {
  if (--buffers_[index].references == 0) lend(index);
}

// Asks the kernel whether it is done with a buffer. Only kernels that hand out buffers one by one
// from the ring know this answer, and every kernel with incremental buffers is one.
bool UringBuffers::kernel_has_passed(const Buffer& buffer) const {
  uring::BufferRingStatus status;
  status.group = kGroup;
  const int error =
      io_uring_register(static_cast<u32>(ring_fd_), uring::kRegisterBufferStatus, &status, 1);
  RINGFOLD_ASSERT(error == 0);
  const u16 passed = static_cast<u16>(status.head - buffer.position);
  return passed != 0 && passed <= shape_.count;
}

UringBuffers::Received UringBuffers::take(i32 result, u32 flags) {
  if ((flags & IORING_CQE_F_BUFFER) == 0) {
    RINGFOLD_ASSERT(result <= 0);
    return {};
  }
  const u16 index = static_cast<u16>(flags >> IORING_CQE_BUFFER_SHIFT);
  RINGFOLD_ASSERT(index < shape_.count);
  Buffer& buffer = buffers_[index];
  RINGFOLD_ASSERT(buffer.lent);
  bool goes_on = shape_.incremental && (flags & uring::kCompletionBufferMore) != 0;
  Received received;
  if (result > 0) {
    const u32 size = static_cast<u32>(result);
    RINGFOLD_ASSERT(size <= shape_.size - buffer.offset);
    received = {index, memory(index) + buffer.offset};
    buffer.offset += size;
    ++buffer.references;
    ++held_;
  } else if (shape_.incremental && !goes_on) {
    // An end of stream with a buffer. Linux 6.18 attaches none; 6.19 was seen to attach the current
    // one without the flag although it goes on using it (liburing issues 1545, 1553). Taking it
    // back on that word would lend it twice, so the kernel is asked.
    goes_on = !kernel_has_passed(buffer);
  }
  if (!goes_on) {
    buffer.lent = false;
    drop_reference(index);
  }
  return received;
}

void UringBuffers::release(u16 index) {
  RINGFOLD_ASSERT(index < shape_.count);
  // The kernel's own reference is not the caller's to end.
  RINGFOLD_ASSERT(buffers_[index].references > (buffers_[index].lent ? 1u : 0u));
  --held_;
  drop_reference(index);
}

}  // namespace ringfold
