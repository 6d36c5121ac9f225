// What a parent request holds: its children's replies, and for a merge by key which child each key
// went to. Lives in one block: [ Fanout ][ FanoutChild x child_count ][ u16 x key_count ].
//
// And what comes before it: the plan by which a command's keys are split among children. Children
// are numbered in the order of their first keys; each has one server.
#pragma once

#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "core/request.h"
#include "ringfold/base/assert.h"
#include "ringfold/base/limits.h"
#include "ringfold/mem/batch.h"
#include "ringfold/mem/block_pool.h"

namespace ringfold {

struct FanoutChild {
  Block* reply = nullptr;  // owned
  u32 key_count = 0;
  u32 server = 0;
};

struct Fanout {
  u32 waiting = 0;  // children that have not answered
  u32 child_count = 0;
  u32 key_count = 0;
  FanoutChild* first_child = nullptr;  // in the same block, which never moves
  u16* first_key_child = nullptr;      // likewise

  std::span<FanoutChild> children() { return {first_child, child_count}; }
  // For each key in the client's order, the ordinal of its child.
  std::span<u16> key_children() { return {first_key_child, key_count}; }

  static u64 bytes(u32 child_count, u32 key_count) {
    return sizeof(Fanout) + child_count * sizeof(FanoutChild) +
           static_cast<u64>(key_count) * sizeof(u16);
  }

  // Requires: block is empty and has room for bytes(child_count, key_count).
  static Fanout& create(Block* block, u32 child_count, u32 key_count) {
    static_assert(sizeof(Fanout) % alignof(FanoutChild) == 0);
    Fanout* fanout = ::new (static_cast<void*>(block->data)) Fanout{};
    char* place = block->data + sizeof(Fanout);
    fanout->child_count = child_count;
    fanout->first_child = reinterpret_cast<FanoutChild*>(place);
    std::uninitialized_value_construct_n(fanout->first_child, child_count);
    place += child_count * sizeof(FanoutChild);
    fanout->key_count = key_count;
    fanout->first_key_child = reinterpret_cast<u16*>(place);
    std::uninitialized_value_construct_n(fanout->first_key_child, key_count);
    return *fanout;
  }
};

inline Fanout& fanout_of(Block* block) {
  return *std::launder(reinterpret_cast<Fanout*>(block->data));
}

// A merge of values: where it stands in a child's reply.
struct ValuePosition {
  memcached::ValueCursor cursor;
  std::string_view key, raw;  // of the next value, as ValueCursor::next() gives it
  bool has_value = false;
};

struct PlannedChild {
  u32 server = 0;
  u32 key_count = 0;
  u32 line_length = 0;     // memcached: of the line that asks for these keys, bytes with its CRLF
  Batch* batch = nullptr;  // where its bytes go, once it was started; nullptr: nowhere
};

// Scratch space of the worker, made anew for each command that is split.
struct SplitPlan {
  std::vector<u16> key_children;       // for each key in the client's order, its child
  std::vector<PlannedChild> children;  // by ordinal
  // For each server of the largest pool its latest child, or kNone. What is not kNone belongs to
  // children, so clear() need not visit all servers.
  std::vector<u32> server_children;

  void clear() {
    for (const PlannedChild& child : children) server_children[child.server] = kNone;
    children.clear();
    key_children.clear();
  }

  // Requires: fewer than kFanoutChildrenMax children.
  u32 begin_child(u32 server) {
    RINGFOLD_ASSERT(children.size() < kFanoutChildrenMax);
    const u32 ordinal = static_cast<u32>(children.size());
    children.push_back({.server = server});
    server_children[server] = ordinal;
    return ordinal;
  }

  // The next key belongs to this child.
  void add_key(u32 ordinal) {
    ++children[ordinal].key_count;
    key_children.push_back(static_cast<u16>(ordinal));
  }
};

struct Context;

// A parent at the end of the client's line, its children not yet sent. `waiting` counts one more
// than there are, so that a child which fails at once does not complete the parent while others are
// being made: call child_answered() once more when all are. kNone: the worker's table is full, the
// client was closed.
[[nodiscard]] u32 start_parent(Context& context, u32 client, Merge merge, u32 child_count,
                               u32 key_count);

// Likewise, for the children and keys of Context::split.
[[nodiscard]] u32 start_split_parent(Context& context, u32 client, Merge merge);

// The place for a child's bytes, or nullptr when its server cannot be asked: the child is then
// answered with the reason.
[[nodiscard]] Batch* start_child(Context& context, u32 parent, u32 ordinal, u32 server);

// One more of the parent's children has its reply; the last one makes it ready.
void child_answered(Context& context, u32 parent);

}  // namespace ringfold
