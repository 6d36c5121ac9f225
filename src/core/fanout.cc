// Splitting: from one request to its children.
#include "core/fanout.h"

#include <charconv>

#include "core/backend.h"
#include "core/context.h"
#include "core/error_text.h"
#include "core/fanout_state.h"
#include "core/scan_cursor.h"
#include "core/writer.h"
#include "ringfold/proto/resp.h"

namespace ringfold {

namespace {

// A parent at the end of the client's line, its children not yet sent. `waiting` counts one more
// than there are, so that a child which fails at once does not complete the parent while others are
// being made.
u32 start_parent(Context& context, u32 client, const CommandSpec& command, u32 child_count,
                 u32 key_count) {
  const u32 index = take_request(context, RequestKind::parent, &command);
  if (index == kNone) {
    abort_client(context, client);
    return kNone;
  }
  Request& parent = context.requests[index];
  parent.fanout = context.blocks.take(Fanout::bytes(child_count, key_count));
  Fanout::create(parent.fanout, child_count, key_count).waiting = child_count + 1;
  enqueue_for_client(context, client, index);
  return index;
}

void child_answered(Context& context, u32 parent_index) {
  Request& parent = context.requests[parent_index];
  if (--fanout_of(parent.fanout).waiting > 0) return;
  parent.ready = true;
  if (!parent.in_client) {
    release_request_if_done(context, parent_index);
  } else if (context.clients[parent.client].first_request == parent_index) {
    deliver_replies(context, parent.client);
  }
}

// The place for a child's bytes, or nullptr when its server cannot be asked: the child is then
// answered with the reason.
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
    index = take_request(context, RequestKind::child, parent.command);
    if (index == kNone) failure = Failure::out_of_requests;
  }
  if (index == kNone) {
    const std::string line = failure_line(context.clients[client].protocol, failure,
                                          context.pools[pool].backends[server].config->name);
    slot.reply = context.blocks.take(line.size() + kReadablePadding);
    std::memcpy(slot.reply->data, line.data(), line.size());
    slot.reply->end = static_cast<u32>(line.size());
    child_answered(context, parent_index);
    return nullptr;
  }
  Request& child = context.requests[index];
  child.parent = parent_index;
  child.ordinal = static_cast<u16>(ordinal);
  enqueue_for_backend(context, connection, index);
  mark_backend_dirty(context, connection);
  return &request_batch(context.connections[connection]);
}

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
    ++context.server_key_count[server];
    context.key_servers.push_back(static_cast<u16>(server));
  }
  u16 touched = 0;
  for (u32 server = 0; server < pool.backends.size(); ++server) {
    if (context.server_key_count[server] > 0) context.server_ordinal[server] = touched++;
  }
  return touched;
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
  const u32 parent = start_parent(context, client, command, touched, key_count);
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
  const u32 parent = start_parent(context, client, command, server_count, 0);
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
  const u32 parent = start_parent(context, client, command, 1, 0);
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

void release_fanout(Context& context, Block* block) {
  for (FanoutChild& child : fanout_of(block).children()) {
    if (child.reply != nullptr) context.blocks.give(child.reply);
  }
  context.blocks.give(block);
}

}  // namespace ringfold
