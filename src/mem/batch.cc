#include "ringfold/mem/batch.h"

#include <algorithm>

#include "ringfold/base/assert.h"

namespace ringfold {

void Batch::link(Block* block) {
  if (back_ == nullptr) {
    front_ = block;
  } else {
    back_->next = block;
  }
  back_ = block;
}

void Batch::append_slow(BlockPool& pool, std::string_view bytes) {
  while (!bytes.empty()) {
    if (back_ == nullptr || back_->room() == 0) {
      // The first block is as small as its bytes allow, because most batches hold one reply; a
      // batch that goes on is given room for about as much again as it holds.
      const u64 wanted = std::max<u64>(bytes.size(), size_);
      link(pool.take(std::min<u64>(wanted, BlockPool::kLargeCapacity)));
    }
    const std::size_t count = std::min<std::size_t>(bytes.size(), back_->room());
    std::memcpy(back_->data + back_->end, bytes.data(), count);
    back_->end += static_cast<u32>(count);
    size_ += count;
    bytes.remove_prefix(count);
  }
}

void Batch::append_block(Block* block) {
  RINGFOLD_ASSERT(block->next == nullptr);
  RINGFOLD_ASSERT(block->size() > 0);
  size_ += block->size();
  link(block);
}

void Batch::append_all(Batch& other) {
  RINGFOLD_ASSERT(other.frozen_ == 0);
  if (other.front_ == nullptr) return;
  if (back_ == nullptr) {
    front_ = other.front_;
  } else {
    back_->next = other.front_;
  }
  back_ = other.back_;
  size_ += other.size_;
  other = Batch{};
}

Block* Batch::copy(BlockPool& pool, std::size_t padding) const {
  Block* const whole = pool.take(size_ + padding);
  for (const Block* block = front_; block != nullptr; block = block->next) {
    std::memcpy(whole->data + whole->end, block->data + block->begin, block->size());
    whole->end += static_cast<u32>(block->size());
  }
  return whole;
}

std::size_t Batch::freeze(std::span<iovec> vectors, u64 bytes_max) {
  RINGFOLD_ASSERT(frozen_ == 0);
  std::size_t count = 0;
  for (Block* block = front_; block != nullptr && count < vectors.size() && frozen_ < bytes_max;
       block = block->next) {
    const u64 length = std::min<u64>(block->size(), bytes_max - frozen_);
    vectors[count++] = iovec{block->data + block->begin, static_cast<std::size_t>(length)};
    frozen_ += length;
  }
  RINGFOLD_ASSERT(frozen_ > 0);
  return count;
}

void Batch::consume(BlockPool& pool, u64 count) {
  RINGFOLD_ASSERT(count <= frozen_);
  frozen_ = 0;
  size_ -= count;
  while (count > 0) {
    const u64 taken = std::min<u64>(count, front_->size());
    front_->begin += static_cast<u32>(taken);
    count -= taken;
    if (front_->size() > 0) break;
    Block* next = front_->next;
    if (next == nullptr) back_ = nullptr;
    pool.give(front_);
    front_ = next;
  }
  RINGFOLD_DEBUG_ASSERT((size_ == 0) == (front_ == nullptr));
}

void Batch::clear(BlockPool& pool) {
  pool.give_chain(front_);
  *this = Batch{};
}

}  // namespace ringfold
