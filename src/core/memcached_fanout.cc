// memcached commands for several servers: from one request to its children.
#include <algorithm>
#include <cstring>
#include <string>

#include "core/context.h"
#include "core/fanout_state.h"
#include "core/memcached_dispatch.h"

namespace ringfold {

namespace {

using memcached::CommandRow;

// Finds the server of each key. Returns the number of servers touched.
u32 assign_keys(Context& context, const Pool& pool, std::string_view bytes,
                const RequestFrame& frame, const CommandRow& row) {
  context.key_servers.clear();
  memcached::TokenCursor cursor(bytes, frame, row.key_at);
  Argument key;
  while (cursor.next(key)) {
    count_key(context,
              pool.shards.route(bytes.substr(key.offset, key.length), context.prng.next()));
  }
  return number_children(context, static_cast<u32>(pool.backends.size()));
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
  const Pool& pool = context.pools[context.clients[client].pool];
  const u32 server_count = static_cast<u32>(pool.backends.size());
  const u32 touched = assign_keys(context, pool, bytes, frame, row);
  const u32 key_count = static_cast<u32>(context.key_servers.size());
  if (touched <= 1) {
    // A gat may come without a key; any server knows the answer to that.
    server = key_count == 0 ? 0 : context.key_servers.front();
    context.server_key_count[server] = 0;
    return false;
  }
  const u32 parent = start_parent(context, client, Merge::values_by_key, touched, key_count);
  if (parent == kNone) {
    std::fill_n(context.server_key_count.begin(), server_count, 0);
    return true;
  }
  context.requests[parent].shape = row.reply;
  context.requests[parent].reply = keep_keys(context, bytes, frame, row);
  Fanout& fanout = fanout_of(context.requests[parent].fanout);
  std::vector<Batch*>& batches = context.child_batches;
  batches.assign(touched, nullptr);
  for (u32 index = 0; index < server_count; ++index) {
    if (context.server_key_count[index] == 0) continue;
    context.server_key_count[index] = 0;
    const u16 ordinal = context.server_ordinal[index];
    batches[ordinal] = start_child(context, parent, ordinal, index);
    if (batches[ordinal] == nullptr) continue;
    batches[ordinal]->append(context.blocks, row.name);
    // gat and gats: the expiry time stands before the keys.
    for (u32 word = 1; word < row.key_at; ++word) {
      const Argument& argument = frame.arguments[word];
      batches[ordinal]->append(context.blocks, " ");
      batches[ordinal]->append(context.blocks, bytes.substr(argument.offset, argument.length));
    }
  }
  memcached::TokenCursor cursor(bytes, frame, row.key_at);
  Argument key;
  for (u32 position = 0; position < key_count; ++position) {
    cursor.next(key);
    const u16 ordinal = context.server_ordinal[context.key_servers[position]];
    fanout.key_children()[position] = ordinal;
    if (batches[ordinal] == nullptr) continue;
    batches[ordinal]->append(context.blocks, " ");
    batches[ordinal]->append(context.blocks, bytes.substr(key.offset, key.length));
  }
  for (Batch* batch : batches) {
    if (batch != nullptr) batch->append(context.blocks, "\r\n");
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
