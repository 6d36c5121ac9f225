// Redis commands for several servers: from one request to its children.
#include "core/redis_fanout.h"

#include <optional>
#include <string>

#include "core/context.h"
#include "core/fanout_state.h"
#include "core/scan_cursor.h"
#include "core/stages.h"
#include "ringfold/proto/resp.h"

namespace ringfold {

namespace {

// Plans which child each key goes to: there is one for each server touched.
void plan_keys(Context& context, Pool& pool, std::string_view bytes, const RequestFrame& frame,
               i8 step) {
  SplitPlan& plan = context.split;
  plan.clear();
  resp::ArgumentCursor cursor(bytes, frame);
  Argument argument;
  u32 position = 0;
  while (cursor.next(argument)) {
    if (position++ == 0) continue;
    if (step == 2 && position % 2 == 1) continue;
    const std::string_view key = bytes.substr(argument.offset, argument.length);
    note_key(context, pool, key);
    const u32 server = pool.shards.route(key, context.prng.next());
    const u32 child = plan.server_children[server];
    plan.add_key(child == kNone ? plan.begin_child(server) : child);
  }
}

}  // namespace

bool start_split(Context& context, u32 client, std::string_view bytes, const RequestFrame& frame,
                 const CommandSpec& command, u32& server) {
  Pool& pool = context.pools[context.clients[client].pool];
  const i8 step = command.route == Route::split_pairs ? 2 : 1;
  plan_keys(context, pool, bytes, frame, step);
  SplitPlan& plan = context.split;
  if (plan.children.size() <= 1) {
    server = plan.children.empty() ? 0 : plan.children.front().server;
    return false;
  }
  const u32 parent = start_split_parent(context, client, command.merge);
  if (parent == kNone) return true;
  const Argument& first_key = frame.arguments[1];
  start_stages(context, context.clients[client].pool, parent, mark_of(command),
               bytes.substr(first_key.offset, first_key.length));
  Fanout& fanout = fanout_of(context.requests[parent].fanout);
  for (u32 ordinal = 0; ordinal < plan.children.size(); ++ordinal) {
    PlannedChild& child = plan.children[ordinal];
    fanout.children()[ordinal].key_count = child.key_count;
    child.batch = start_child(context, parent, ordinal, child.server);
    if (child.batch == nullptr) continue;
    BatchWriter writer(*child.batch, context.blocks);
    resp::encode_number_line(writer, '*', static_cast<i64>(child.key_count) * step + 1);
    resp::encode_bulk(writer, command.name);
  }
  resp::ArgumentCursor cursor(bytes, frame);
  Argument argument;
  cursor.next(argument);
  for (const u16 ordinal : plan.key_children) {
    cursor.next(argument);
    const u32 begin = cursor.raw_offset();
    u32 end = begin + cursor.raw_length();
    if (step == 2) {
      cursor.next(argument);
      end = cursor.raw_offset() + cursor.raw_length();
    }
    Batch* const batch = plan.children[ordinal].batch;
    if (batch != nullptr) batch->append(context.blocks, bytes.substr(begin, end - begin));
  }
  child_answered(context, parent);
  return true;
}

void start_all(Context& context, u32 client, std::string_view bytes, const CommandSpec& command) {
  const u32 server_count =
      static_cast<u32>(context.pools[context.clients[client].pool].backends.size());
  const u32 parent = start_parent(context, client, command.merge, server_count, 0);
  if (parent == kNone) return;
  start_stages(context, context.clients[client].pool, parent, mark_of(command), {});
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
  start_stages(context, context.clients[client].pool, parent, mark_of(command), {});
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
