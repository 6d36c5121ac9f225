#include "io/epoll_buffers.h"

#include "ringfold/base/assert.h"

namespace ringfold {

int EpollBuffers::open(u32 count, u32 size) {
  RINGFOLD_ASSERT(count > 0 && count < kNoBuffer && size > 0);
  const int error = memory_.map(0, std::size_t{count} * size);
  if (error < 0) return error;
  size_ = size;
  references_.assign(count, 0);
  for (u32 index = count; index > 0; --index) free_.push_back(static_cast<u16>(index - 1));
  return 0;
}

std::span<char> EpollBuffers::room() {
  if (current_ == kNoBuffer) {
    if (free_.empty()) return {};
    current_ = free_.back();
    free_.pop_back();
    RINGFOLD_ASSERT(references_[current_] == 0);
    references_[current_] = 1;
    offset_ = 0;
  } else if (references_[current_] == 1) {
    offset_ = 0;
  }
  return {memory_.buffers() + std::size_t{current_} * size_ + offset_, size_ - offset_};
}

EpollBuffers::Received EpollBuffers::take(std::size_t size) {
  RINGFOLD_ASSERT(current_ != kNoBuffer);
  RINGFOLD_ASSERT(size > 0 && size <= size_ - offset_);
  const u16 index = current_;
  const Received received{index, memory_.buffers() + std::size_t{index} * size_ + offset_};
  ++references_[index];
  ++held_;
  offset_ += static_cast<u32>(size);
  if (offset_ == size_) {
    current_ = kNoBuffer;
    drop_reference(index);
  }
  return received;
}

void EpollBuffers::drop_reference(u16 index) {
  if (--references_[index] == 0) free_.push_back(index);
}

void EpollBuffers::release(u16 index) {
  RINGFOLD_ASSERT(index < references_.size());
  // The ring's own reference is not the caller's to end.
  RINGFOLD_ASSERT(references_[index] > (index == current_ ? 1u : 0u));
  --held_;
  drop_reference(index);
}

}  // namespace ringfold
