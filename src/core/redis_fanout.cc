// Redis commands for several servers: from one request to its children.
#include "core/redis_fanout.h"

#include <algorithm>
#include <optional>
#include <string>

#include "core/context.h"
#include "core/fanout_state.h"
#include "core/scan_cursor.h"
#include "ringfold/proto/resp.h"

namespace ringfold {

namespace {

// Finds the server of each key. Returns the number of servers touched; their key counts are in
// server_key_count, their ordinals, in the order of the pool's servers, in server_ordinal.
u32 assign_keys(Context& context, const Pool& pool, std::string_view bytes,
                const RequestFrame& frame, i8 step) {
  context.key_servers.clear();
  resp::ArgumentCursor cursor(bytes, frame);
  Argument argument;
  u32 position = 0;
  while (cursor.next(argument)) {
    if (position++ == 0) continue;
    if (step == 2 && position % 2 == 1) continue;
    const u32 server =
        pool.shards.route(bytes.substr(argument.offset, argument.length), context.prng.next());
    count_key(context, server);
  }
  return number_children(context, static_cast<u32>(pool.backends.size()));
}

}  // namespace

bool start_split(Context& context, u32 client, std::string_view bytes, const RequestFrame& frame,
                 const CommandSpec& command, u32& server) {
  const Pool& pool = context.pools[context.clients[client].pool];
  const i8 step = command.route == Route::split_pairs ? 2 : 1;
  const u32 touched = assign_keys(context, pool, bytes, frame, step);
  const u32 server_count = static_cast<u32>(pool.backends.size());
  if (touched <= 1) {
    server = context.key_servers.empty() ? 0 : context.key_servers.front();
    context.server_key_count[server] = 0;
    return false;
  }
  const u32 key_count = static_cast<u32>(context.key_servers.size());
  const u32 parent = start_parent(context, client, command.merge, touched, key_count);
  if (parent == kNone) {
    std::fill_n(context.server_key_count.begin(), server_count, 0);
    return true;
  }
  Fanout& fanout = fanout_of(context.requests[parent].fanout);
  std::vector<Batch*>& batches = context.child_batches;
  batches.assign(touched, nullptr);
  for (u32 index = 0; index < server_count; ++index) {
    const u32 keys = context.server_key_count[index];
    if (keys == 0) continue;
    context.server_key_count[index] = 0;
    const u16 ordinal = context.server_ordinal[index];
    fanout.children()[ordinal].key_count = keys;
    batches[ordinal] = start_child(context, parent, ordinal, index);
    if (batches[ordinal] == nullptr) continue;
    BatchWriter writer(*batches[ordinal], context.blocks);
    resp::encode_number_line(writer, '*', static_cast<i64>(keys) * step + 1);
    resp::encode_bulk(writer, command.name);
  }
  resp::ArgumentCursor cursor(bytes, frame);
  Argument argument;
  cursor.next(argument);
  for (u32 key = 0; key < key_count; ++key) {
    const u16 ordinal = context.server_ordinal[context.key_servers[key]];
    fanout.key_children()[key] = ordinal;
    cursor.next(argument);
    const u32 begin = cursor.raw_offset();
    u32 end = begin + cursor.raw_length();
    if (step == 2) {
      cursor.next(argument);
      end = cursor.raw_offset() + cursor.raw_length();
    }
    if (batches[ordinal] != nullptr)
      batches[ordinal]->append(context.blocks, bytes.substr(begin, end - begin));
  }
  child_answered(context, parent);
  return true;
}

void start_all(Context& context, u32 client, std::string_view bytes, const CommandSpec& command) {
  const u32 server_count =
      static_cast<u32>(context.pools[context.clients[client].pool].backends.size());
  const u32 parent = start_parent(context, client, command.merge, server_count, 0);
  if (parent == kNone) return;
  for (u32 server = 0; server < server_count; ++server) {
    Batch* batch = start_child(context, parent, server, server);
    if (batch != nullptr) batch->append(context.blocks, bytes);
  }
  child_answered(context, parent);
}

void start_scan(Context& context, u32 client, std::string_view bytes, const RequestFrame& frame,
                const CommandSpec& command) {
  const Argument& argument = frame.arguments[1];
  const std::optional<ScanCursor> cursor =
      parse_scan_cursor(bytes.substr(argument.offset, argument.length));
  const std::size_t server_count = context.pools[context.clients[client].pool].backends.size();
  if (!cursor || cursor->server >= server_count) {
    reply_here(context, client, "-ERR invalid cursor\r\n");
    return;
  }
  const u32 parent = start_parent(context, client, command.merge, 1, 0);
  if (parent == kNone) return;
  Batch* batch = start_child(context, parent, 0, cursor->server);
  if (batch != nullptr) {
    BatchWriter writer(*batch, context.blocks);
    resp::encode_number_line(writer, '*', frame.argument_count);
    resp::encode_bulk(writer, command.name);
    resp::encode_bulk(writer, std::to_string(cursor->position));
    resp::ArgumentCursor arguments(bytes, frame);
    Argument skipped;
    arguments.next(skipped);
    arguments.next(skipped);
    writer.append(bytes.substr(arguments.raw_offset() + arguments.raw_length()));
  }
  child_answered(context, parent);
}

}  // namespace ringfold
