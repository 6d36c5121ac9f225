#include "io/uring_buffers.h"

#include <sys/mman.h>

#include <bit>
#include <cerrno>
#include <cstddef>

#include "ringfold/base/assert.h"

namespace ringfold {
namespace {

constexpr std::size_t kPage = 4096;

constexpr std::size_t whole_pages(std::size_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

}  // namespace

UringBuffers::~UringBuffers() {
  if (mapping_ != nullptr) munmap(mapping_, mapping_size_);
}

int UringBuffers::open(UringQueue& queue, const Shape& shape) {
  RINGFOLD_ASSERT(mapping_ == nullptr);
  RINGFOLD_ASSERT(std::has_single_bit(shape.count) && shape.count <= 32768 && shape.size > 0);
  const std::size_t entry_bytes = whole_pages(shape.count * sizeof(io_uring_buf));
  const std::size_t buffer_bytes = std::size_t{shape.count} * shape.size;
  const std::size_t usable = entry_bytes + whole_pages(buffer_bytes + kReadablePadding);
  // A guard page behind everything: reading past the padding faults here and not only where the
  // next mapping happens to be far away.
  mapping_size_ = usable + kPage;
  void* const mapping = mmap(nullptr, mapping_size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return -errno;
  mapping_ = mapping;
  if (mprotect(mapping, usable, PROT_READ | PROT_WRITE) != 0) return -errno;
  shape_ = shape;
  ring_fd_ = queue.ring().ring_fd;
  entries_ = static_cast<io_uring_buf_ring*>(mapping);
  memory_ = static_cast<char*>(mapping) + entry_bytes;

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
