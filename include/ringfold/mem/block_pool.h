// Block: a piece of memory with bytes in it, owned by exactly one holder, moved by pointer.
// BlockPool makes them in a few sizes, keeps some free ones warm, gives the rest back to the
// system, and counts what is in use.
//
//   data                begin            end                 capacity
//    |  already consumed  |  the bytes    |  room to append     |
//
// Invariant: 0 <= begin <= end <= capacity.
#pragma once

#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold {

struct Block {
  Block* next = nullptr;  // the holder's chain
  char* data = nullptr;
  u32 begin = 0;
  u32 end = 0;
  u32 capacity = 0;
  u8 size_class = 0;

  u32 size() const { return end - begin; }
  u32 room() const { return capacity - end; }
  std::string_view view() const { return {data + begin, size()}; }
};

class BlockPool {
 public:
  // The largest capacity of a block; requests and held replies cannot be longer.
  static constexpr u64 kCapacityMax = 0xffff0000;

  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // An empty block with room for at least capacity bytes. Requires: capacity <= kCapacityMax.
  // Owner: the caller, until give().
  [[nodiscard]] Block* take(u64 capacity);

  void give(Block* block);
  void give_chain(Block* first);

  // A block with the same bytes at the same begin, and room for `more` further bytes; the old
  // pointer is dead. Grows by doubling; big blocks grow by remapping, without a copy. Requires: end
  // + more <= kCapacityMax.
  [[nodiscard]] Block* grow(Block* block, u64 more);

  u64 blocks_in_use() const { return blocks_in_use_; }
  u64 bytes_in_use() const { return bytes_in_use_; }

  // The most bytes that a block of the common sizes holds; a batch fills blocks of this size when
  // it is long.
  static constexpr u32 kLargeCapacity = 64 * 1024 - 32;

 private:
  static constexpr u32 kClasses = 4;
  struct FreeList {
    Block* first = nullptr;
    u64 bytes = 0;
  };

  Block* take_mapped(u64 capacity);
  Block* grow_mapped(Block* block, u64 capacity);

  FreeList free_[kClasses];
  u64 blocks_in_use_ = 0;
  u64 bytes_in_use_ = 0;
};

}  // namespace ringfold
