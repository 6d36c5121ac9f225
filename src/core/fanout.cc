// What every fan-out does, whatever the protocol: parents, children, and the end of a child.
#include "core/fanout.h"

#include <algorithm>
#include <cstring>

#include "core/backend.h"
#include "core/context.h"
#include "core/error_text.h"
#include "core/fanout_state.h"
#include "core/memcached_dispatch.h"
#include "core/redis_dispatch.h"
#include "core/stages.h"
#include "core/writer.h"

namespace ringfold {

u32 start_parent(Context& context, u32 client, Merge merge, u32 child_count, u32 key_count) {
  const u32 index = take_request(context, RequestKind::parent);
  if (index == kNone) {
    count_error(context, context.clients[client], ClientError::no_request_slot);
    abort_client(context, client);
    return kNone;
  }
  Request& parent = context.requests[index];
  parent.merge = merge;
  parent.fanout = context.blocks.take(Fanout::bytes(child_count, key_count));
  Fanout::create(parent.fanout, child_count, key_count).waiting = child_count + 1;
  enqueue_for_client(context, client, index);
  return index;
}

u32 start_split_parent(Context& context, u32 client, Merge merge) {
  const SplitPlan& plan = context.split;
  const u32 parent = start_parent(context, client, merge, static_cast<u32>(plan.children.size()),
                                  static_cast<u32>(plan.key_children.size()));
  if (parent == kNone) return kNone;
  std::ranges::copy(plan.key_children,
                    fanout_of(context.requests[parent].fanout).key_children().begin());
  return parent;
}

void child_answered(Context& context, u32 parent_index) {
  Request& parent = context.requests[parent_index];
  if (--fanout_of(parent.fanout).waiting > 0) return;
  parent.ready = true;
  note_answered(context, parent, kNone, {});
  if (!parent.in_client) {
    release_request_if_done(context, parent_index);
  } else if (context.clients[parent.client].first_request == parent_index) {
    deliver_replies(context, parent.client);
  }
}

Batch* start_child(Context& context, u32 parent_index, u32 ordinal, u32 server) {
  Request& parent = context.requests[parent_index];
  const u32 client = parent.client;
  const u16 pool = context.clients[client].pool;
  FanoutChild& slot = fanout_of(parent.fanout).children()[ordinal];
  slot.server = server;
  Failure failure = Failure::none;
  const u32 connection = connection_for(context, pool, server, client, failure);
  u32 index = kNone;
  if (connection != kNone) {
    index = take_request(context, RequestKind::child);
    if (index == kNone) failure = Failure::out_of_requests;
  }
  if (index == kNone) {
    const bool is_miss =
        parent.shape == memcached::ReplyShape::values && is_taken_for_miss(context, pool, failure);
    if (is_miss) count_error(context, pool, server, failure);
    const std::string line = is_miss ? "END\r\n" : refusal_line(context, pool, server, failure);
    slot.reply = context.blocks.take(line.size() + kReadablePadding);
    std::memcpy(slot.reply->data, line.data(), line.size());
    slot.reply->end = static_cast<u32>(line.size());
    child_answered(context, parent_index);
    return nullptr;
  }
  Request& child = context.requests[index];
  child.parent = parent_index;
  child.shape = parent.shape;
  child.ordinal = static_cast<u16>(ordinal);
  child.received = parent.received;
  child.group = parent.group;
  context.pools[pool].stats->fragments.add();
  context.pools[pool].backends[server].stats->requests[index_of(child.group)].add();
  enqueue_for_backend(context, connection, index);
  mark_backend_dirty(context, connection);
  note_load(context, client, connection);
  return &request_batch(context.connections[connection]);
}

void finish_child(Context& context, u32 child_index) {
  Request& child = context.requests[child_index];
  const u32 parent_index = child.parent;
  Fanout& fanout = fanout_of(context.requests[parent_index].fanout);
  fanout.children()[child.ordinal].reply = child.reply;
  child.reply = nullptr;
  child.parent = kNone;
  release_request_if_done(context, child_index);
  child_answered(context, parent_index);
}

void merge_replies(Context& context, Request& parent, Batch& out) {
  switch (context.clients[parent.client].protocol) {
    case Protocol::redis:
      merge_redis(context, parent, out);
      return;
    case Protocol::memcached:
      merge_memcached(context, parent, out);
      return;
  }
}

void release_fanout(Context& context, Block* block) {
  for (FanoutChild& child : fanout_of(block).children()) {
    if (child.reply != nullptr) context.blocks.give(child.reply);
  }
  context.blocks.give(block);
}

}  // namespace ringfold
