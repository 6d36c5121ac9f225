// Batch: the bytes waiting to be sent to one socket, in order, in a chain of blocks.
//
//   front block           ...            back block
//   [ frozen: in the kernel's hands ][ appended since ][ room ]
//
// Invariant: size == the sum of the blocks' sizes; frozen <= size. Frozen bytes are the first ones;
// they are neither moved nor changed until consume(). Appending goes on behind them meanwhile.
// Owner: the connection; it gives the blocks back by consume() or clear().
#pragma once

#include <sys/uio.h>

#include <cstring>
#include <span>
#include <string_view>

#include "ringfold/base/ints.h"
#include "ringfold/mem/block_pool.h"

namespace ringfold {

class Batch {
 public:
  u64 size() const { return size_; }
  bool empty() const { return size_ == 0; }
  u64 frozen() const { return frozen_; }

  void append(BlockPool& pool, std::string_view bytes) {
    if (back_ != nullptr && back_->room() >= bytes.size()) [[likely]] {
      std::memcpy(back_->data + back_->end, bytes.data(), bytes.size());
      back_->end += static_cast<u32>(bytes.size());
      size_ += bytes.size();
      return;
    }
    append_slow(pool, bytes);
  }

  // Takes the block over, with the bytes in it. Requires: block->next == nullptr and it is not
  // empty.
  void append_block(Block* block);

  // All its bytes in one block, with room for `padding` more behind them; the caller owns it.
  [[nodiscard]] Block* copy(BlockPool& pool, std::size_t padding) const;

  // Takes over all bytes of other, which is then empty. Requires: other has nothing frozen.
  void append_all(Batch& other);

  // The last `count` bytes, when they lie in one block with others before them and none of them is
  // frozen; else nothing. Valid until: the next change.
  [[nodiscard]] std::string_view tail(u32 count) const {
    const bool is_there =
        back_ != nullptr && back_->size() > count && size_ - frozen_ >= count && count > 0;
    return is_there ? std::string_view(back_->data + back_->end - count, count)
                    : std::string_view();
  }

  // Takes the last bytes off. Requires: tail(count) is not empty.
  void drop_tail(u32 count) {
    back_->end -= count;
    size_ -= count;
  }

  // Describes at most bytes_max of the first bytes in vectors and freezes them. Returns the vectors
  // used. Requires: nothing frozen, not empty.
  [[nodiscard]] std::size_t freeze(std::span<iovec> vectors, u64 bytes_max);

  // The kernel has taken `count` of the frozen bytes; the rest of them is thawed. Requires: count
  // <= frozen().
  void consume(BlockPool& pool, u64 count);

  // Gives everything back. Requires: the kernel holds none of it.
  void clear(BlockPool& pool);

 private:
  void append_slow(BlockPool& pool, std::string_view bytes);
  void link(Block* block);

  Block* front_ = nullptr;
  Block* back_ = nullptr;
  u64 size_ = 0;
  u64 frozen_ = 0;
};

// Gives encoders an append(bytes) of one argument.
class BatchWriter {
 public:
  BatchWriter(Batch& batch, BlockPool& pool) : batch_(batch), pool_(pool) {}
  void append(std::string_view bytes) { batch_.append(pool_, bytes); }

 private:
  Batch& batch_;
  BlockPool& pool_;
};

}  // namespace ringfold
