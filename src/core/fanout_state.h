// What a parent request holds: its children's replies, and for a merge by key which child each key
// went to. Lives in one block: [ Fanout ][ FanoutChild x child_count ][ u16 x key_count ].
#pragma once

#include <memory>
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

struct Fanout {
  u32 waiting = 0;  // children that have not answered
  std::span<FanoutChild> children;
  std::span<u16> key_children;  // for each key in the client's order, the ordinal of its child

  static u64 bytes(u32 child_count, u32 key_count) {
    return sizeof(Fanout) + child_count * sizeof(FanoutChild) +
           static_cast<u64>(key_count) * sizeof(u16);
  }

  // Requires: block is empty and has room for bytes(child_count, key_count).
  static Fanout& create(Block* block, u32 child_count, u32 key_count) {
    static_assert(sizeof(Fanout) % alignof(FanoutChild) == 0);
    Fanout* fanout = ::new (static_cast<void*>(block->data)) Fanout{};
    char* place = block->data + sizeof(Fanout);
    auto* children = reinterpret_cast<FanoutChild*>(place);
    std::uninitialized_value_construct_n(children, child_count);
    place += child_count * sizeof(FanoutChild);
    auto* key_children = reinterpret_cast<u16*>(place);
    std::uninitialized_value_construct_n(key_children, key_count);
    fanout->children = {children, child_count};
    fanout->key_children = {key_children, key_count};
    return *fanout;
  }
};

inline Fanout& fanout_of(Block* block) {
  return *std::launder(reinterpret_cast<Fanout*>(block->data));
}

}  // namespace ringfold
