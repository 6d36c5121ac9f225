// Merging memcached answers: from the children's replies to the client's one.
#include <string_view>
#include <vector>

#include "core/context.h"
#include "core/fanout_state.h"
#include "core/memcached_dispatch.h"

namespace ringfold {

namespace {

std::string_view first_line(const FanoutChild& child) {
  const std::string_view reply = child.reply->view();
  return reply.substr(0, reply.find('\n') + 1);
}

// The first error among the children, or nothing.
std::string_view find_error(Fanout& fanout) {
  for (const FanoutChild& child : fanout.children()) {
    if (memcached::is_error(child.reply->view())) return first_line(child);
  }
  return {};
}

// The values in the order of the request. A server that failed is said so in the last line, instead
// of END: its keys must not be taken for misses, unless the pool wants just that.
void merge_values(Context& context, Request& parent, Fanout& fanout, BatchWriter& out) {
  std::vector<ValuePosition>& positions = context.child_values;
  positions.clear();
  for (const FanoutChild& child : fanout.children()) {
    ValuePosition& position = positions.emplace_back(
        ValuePosition{memcached::ValueCursor(child.reply->view()), {}, {}, false});
    position.has_value = position.cursor.next(position.key, position.raw);
  }
  std::string_view keys = parent.reply->view();
  for (const u16 ordinal : fanout.key_children()) {
    const std::size_t length = keys.find(' ');
    const std::string_view key = keys.substr(0, length);
    keys.remove_prefix(length + 1);
    ValuePosition& position = positions[ordinal];
    // Values come in the order they were asked for, so a value of another key means that this one
    // was missed.
    if (!position.has_value || position.key != key) continue;
    out.append(position.raw);
    position.has_value = position.cursor.next(position.key, position.raw);
  }
  const bool misses = context.pools[context.clients[parent.client].pool].config->miss_on_error;
  for (const ValuePosition& position : positions) {
    if (position.has_value) {
      out.append(
          "SERVER_ERROR ringfold: a server answered with a key that it was not asked for\r\n");
      return;
    }
    if (misses || position.cursor.end_line() == "END\r\n") continue;
    out.append(position.cursor.end_line());
    return;
  }
  out.append("END\r\n");
}

// "STAT pid 7" of server alpha becomes "STAT alpha:pid 7".
void append_prefixed(BatchWriter& out, std::string_view reply, std::string_view server) {
  while (!reply.empty()) {
    const std::size_t length = reply.find('\n') + 1;
    const std::string_view line = reply.substr(0, length);
    reply.remove_prefix(length);
    if (line == "END\r\n") return;
    const std::size_t word = line.find(' ') + 1;
    out.append(line.substr(0, word));
    out.append(server);
    out.append(":");
    out.append(line.substr(word));
  }
}

void merge_stats(Context& context, Request& parent, Fanout& fanout, BatchWriter& out) {
  const std::string_view first = fanout.children()[0].reply->view();
  // RESET, OK: one line each.
  if (!first.ends_with("END\r\n")) {
    out.append(first);
    return;
  }
  const Pool& pool = context.pools[context.clients[parent.client].pool];
  for (const FanoutChild& child : fanout.children()) {
    append_prefixed(out, child.reply->view(), pool.backends[child.server].config->name);
  }
  out.append("END\r\n");
}

}  // namespace

void merge_memcached(Context& context, Request& parent, Batch& batch) {
  if (parent.quiet == memcached::Quiet::noreply) return;
  Fanout& fanout = fanout_of(parent.fanout);
  BatchWriter out(batch, context.blocks);
  if (parent.merge == Merge::values_by_key) {
    merge_values(context, parent, fanout, out);
    return;
  }
  if (const std::string_view error = find_error(fanout); !error.empty()) {
    out.append(error);
    return;
  }
  if (parent.merge == Merge::stats) {
    merge_stats(context, parent, fanout, out);
    return;
  }
  RINGFOLD_ASSERT(parent.merge == Merge::all_ok);
  out.append(fanout.children()[0].reply->view());
}

}  // namespace ringfold
