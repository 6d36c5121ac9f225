// memcached commands for several servers: from one request to its children.
#include <cstring>
#include <string>

#include "core/context.h"
#include "core/fanout_state.h"
#include "core/memcached_dispatch.h"
#include "core/stages.h"

namespace ringfold {

namespace {

using memcached::CommandRow;

// Of everything in front of the first key: the name, and the time of gat and gats.
u32 head_length(const RequestFrame& frame, const CommandRow& row) {
  u32 length = static_cast<u32>(row.sent_as.size());
  for (u32 word = 1; word < row.key_at; ++word) length += 1 + frame.arguments[word].length;
  return length;
}

void append_head(Context& context, Batch& batch, std::string_view bytes, const RequestFrame& frame,
                 const CommandRow& row) {
  batch.append(context.blocks, row.sent_as);
  for (u32 word = 1; word < row.key_at; ++word) {
    const Argument& argument = frame.arguments[word];
    batch.append(context.blocks, " ");
    batch.append(context.blocks, bytes.substr(argument.offset, argument.length));
  }
}

// Plans which child each key goes to: a server has one for each line that it takes. False: they
// would be too many.
bool plan_keys(Context& context, Pool& pool, std::string_view bytes, const RequestFrame& frame,
               const CommandRow& row) {
  SplitPlan& plan = context.split;
  plan.clear();
  const u64 line_max = memcached::line_length_max(row);
  const u32 around_keys = head_length(frame, row) + 2;
  memcached::TokenCursor cursor(bytes, frame, row.key_at);
  Argument key;
  while (cursor.next(key)) {
    const std::string_view text = bytes.substr(key.offset, key.length);
    note_key(context, pool, text);
    const u32 server = pool.shards.route(text, context.prng.next());
    const u32 more = 1 + key.length;
    u32 child = plan.server_children[server];
    if (child == kNone || u64{plan.children[child].line_length} + more > line_max) {
      if (plan.children.size() == kFanoutChildrenMax) return false;
      child = plan.begin_child(server);
      plan.children[child].line_length = around_keys;
    }
    plan.children[child].line_length += more;
    plan.add_key(child);
  }
  return true;
}

// A parent keeps the keys it was asked for, one behind the other, each with a space: the answers do
// not name the misses, so the order of the reply can only come from here.
Block* keep_keys(Context& context, std::string_view bytes, const RequestFrame& frame,
                 const CommandRow& row) {
  Block* kept = context.blocks.take(frame.line_length);
  memcached::TokenCursor cursor(bytes, frame, row.key_at);
  Argument key;
  while (cursor.next(key)) {
    std::memcpy(kept->data + kept->end, bytes.data() + key.offset, key.length);
    kept->end += key.length;
    kept->data[kept->end++] = ' ';
  }
  return kept;
}

}  // namespace

bool start_multi_get(Context& context, u32 client, std::string_view bytes,
                     const RequestFrame& frame, const CommandRow& row, u32& server) {
  if (!plan_keys(context, context.pools[context.clients[client].pool], bytes, frame, row)) {
    count_error(context, context.clients[client], ClientError::command);
    reply_here(context, client, "CLIENT_ERROR ringfold: too many keys in one command\r\n");
    return true;
  }
  SplitPlan& plan = context.split;
  RINGFOLD_ASSERT(!plan.children.empty());  // the parser answers a gat without a key
  if (plan.children.size() == 1) {
    server = plan.children.front().server;
    return false;
  }
  const u32 parent = start_split_parent(context, client, Merge::values_by_key);
  if (parent == kNone) return true;
  context.requests[parent].shape = row.reply;
  const Argument& first_key = frame.arguments[row.key_at];
  start_stages(context, context.clients[client].pool, parent, mark_of(row),
               bytes.substr(first_key.offset, first_key.length));
  context.requests[parent].reply = keep_keys(context, bytes, frame, row);
  memcached::TokenCursor cursor(bytes, frame, row.key_at);
  Argument key;
  u32 started = 0;
  for (const u16 ordinal : plan.key_children) {
    cursor.next(key);
    PlannedChild& child = plan.children[ordinal];
    // The children are numbered in the order of their first keys, and one is whole before the next
    // of its server begins.
    if (ordinal == started) {
      ++started;
      child.batch = start_child(context, parent, ordinal, child.server);
      if (child.batch != nullptr) append_head(context, *child.batch, bytes, frame, row);
    }
    if (child.batch == nullptr) continue;
    child.batch->append(context.blocks, " ");
    child.batch->append(context.blocks, bytes.substr(key.offset, key.length));
    if (--child.key_count == 0) child.batch->append(context.blocks, "\r\n");
  }
  child_answered(context, parent);
  return true;
}

void start_on_all_servers(Context& context, u32 client, std::string_view bytes,
                          const RequestFrame& frame, const CommandRow& row) {
  const u32 server_count =
      static_cast<u32>(context.pools[context.clients[client].pool].backends.size());
  const u32 parent = start_parent(context, client, row.merge, server_count, 0);
  if (parent == kNone) return;
  start_stages(context, context.clients[client].pool, parent, mark_of(row), {});
  context.requests[parent].shape = row.reply;
  std::string line;
  memcached::encode_forward(line, row, bytes, frame, context.requests[parent].quiet);
  for (u32 server = 0; server < server_count; ++server) {
    Batch* batch = start_child(context, parent, server, server);
    if (batch != nullptr) batch->append(context.blocks, line);
  }
  child_answered(context, parent);
}

}  // namespace ringfold
