// What a parent request holds: its children's replies, and for a merge by key which child each key
// went to. Lives in one block: [ Fanout ][ FanoutChild x child_count ][ u16 x key_count ].
#pragma once

#include <new>
#include <span>

#include "core/request.h"
#include "ringfold/mem/block_pool.h"

namespace ringfold {

struct FanoutChild {
  Block* reply = nullptr;  // owned
  u32 key_count = 0;
  u32 server = 0;
};

struct alignas(FanoutChild) Fanout {
  u32 child_count = 0;
  u32 waiting = 0;  // children that have not answered
  u32 key_count = 0;

  std::span<FanoutChild> children() {
    return {reinterpret_cast<FanoutChild*>(this + 1), child_count};
  }
  std::span<u16> key_children() {
    return {reinterpret_cast<u16*>(reinterpret_cast<FanoutChild*>(this + 1) + child_count),
            key_count};
  }

  static u64 bytes(u32 child_count, u32 key_count) {
    return sizeof(Fanout) + child_count * sizeof(FanoutChild) +
           static_cast<u64>(key_count) * sizeof(u16);
  }
};

inline Fanout& fanout_of(Block* block) {
  return *std::launder(reinterpret_cast<Fanout*>(block->data));
}

}  // namespace ringfold
