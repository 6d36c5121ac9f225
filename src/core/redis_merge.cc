// Merging: from the children's replies to the client's one. Each merge is one function. A child
// that failed or that its server answered with an error makes the whole reply that one error: an
// array with holes could be taken for values.
#include <string>

#include "core/context.h"
#include "core/fanout_state.h"
#include "core/redis_dispatch.h"
#include "core/scan_cursor.h"
#include "ringfold/proto/resp.h"

namespace ringfold {

namespace {

using resp::ReplyCursor;
using resp::ReplyElement;

constexpr std::string_view kUnexpected =
    "-ERR ringfold: a server sent a reply of another kind than this command has\r\n";

ReplyElement first_element(const FanoutChild& child) {
  ReplyElement element;
  ReplyCursor cursor(child.reply->view());
  if (!cursor.next(element)) element.type = 0;
  return element;
}

// The reply of the first child that has an error, or kUnexpected if one is not of the type wanted,
// or nothing.
std::string_view find_error(Fanout& fanout, char type) {
  bool unexpected = false;
  for (const FanoutChild& child : fanout.children()) {
    const char got = child.reply->view().front();
    if (got == '-') return child.reply->view();
    unexpected = unexpected || got != type;
  }
  return unexpected ? kUnexpected : std::string_view();
}

void merge_by_key(Context& context, Fanout& fanout, BatchWriter& out) {
  std::vector<ReplyCursor>& cursors = context.child_cursors;
  cursors.clear();
  for (const FanoutChild& child : fanout.children()) {
    const ReplyElement array = first_element(child);
    if (array.number != static_cast<i64>(child.key_count)) {
      out.append(kUnexpected);
      return;
    }
    cursors.push_back(ReplyCursor::into(array));
  }
  resp::encode_number_line(out, '*', static_cast<i64>(fanout.key_children().size()));
  // Elements that lie next to each other are copied together.
  std::string_view run;
  for (const u16 ordinal : fanout.key_children()) {
    ReplyElement element;
    const bool there = cursors[ordinal].next(element);
    RINGFOLD_ASSERT(there);  // the scanner has counted them
    if (run.data() + run.size() == element.raw.data()) {
      run = {run.data(), run.size() + element.raw.size()};
      continue;
    }
    if (!run.empty()) out.append(run);
    run = element.raw;
  }
  if (!run.empty()) out.append(run);
}

void merge_sum(Fanout& fanout, BatchWriter& out) {
  i64 sum = 0;
  for (const FanoutChild& child : fanout.children()) {
    if (__builtin_add_overflow(sum, first_element(child).number, &sum)) sum = INT64_MAX;
  }
  resp::encode_number_line(out, ':', sum);
}

void merge_concat(Fanout& fanout, BatchWriter& out) {
  i64 count = 0;
  for (const FanoutChild& child : fanout.children()) {
    count += std::max<i64>(first_element(child).number, 0);
  }
  resp::encode_number_line(out, '*', count);
  for (const FanoutChild& child : fanout.children()) {
    const ReplyElement array = first_element(child);
    if (array.number > 0) out.append(ReplyCursor::into(array).rest());
  }
}

void merge_scan(u32 server_count, Fanout& fanout, BatchWriter& out) {
  const FanoutChild& child = fanout.children()[0];
  ReplyCursor cursor = ReplyCursor::into(first_element(child));
  ReplyElement position;
  if (!cursor.next(position) || position.type != '$') {
    out.append(kUnexpected);
    return;
  }
  const std::optional<u64> number = parse_cursor_number(position.text);
  const std::optional<u64> next =
      number ? next_scan_cursor(*number, child.server, server_count) : std::nullopt;
  if (!next) {
    out.append("-ERR ringfold: the server's cursor does not fit beside the server's number\r\n");
    return;
  }
  resp::encode_number_line(out, '*', 2);
  resp::encode_bulk(out, std::to_string(*next));
  out.append(cursor.rest());
}

void merge_random_key(Context& context, Fanout& fanout, BatchWriter& out) {
  u32 found = 0;
  std::string_view chosen = "$-1\r\n";
  for (const FanoutChild& child : fanout.children()) {
    if (first_element(child).number < 0) continue;
    // Each of the answers found so far is kept with the same chance.
    if (context.prng.below(++found) == 0) chosen = child.reply->view();
  }
  out.append(chosen);
}

void merge_all_ones(Fanout& fanout, BatchWriter& out) {
  const i64 count = first_element(fanout.children()[0]).number;
  for (const FanoutChild& child : fanout.children()) {
    if (first_element(child).number != count || count < 0) {
      out.append(kUnexpected);
      return;
    }
  }
  std::string ones(static_cast<std::size_t>(count), '1');
  for (const FanoutChild& child : fanout.children()) {
    ReplyCursor cursor = ReplyCursor::into(first_element(child));
    ReplyElement element;
    for (char& one : ones) {
      if (!cursor.next(element) || element.number != 1) one = '0';
    }
  }
  resp::encode_number_line(out, '*', count);
  for (const char one : ones) resp::encode_number_line(out, ':', one - '0');
}

void merge_first_equal(Fanout& fanout, BatchWriter& out) {
  const std::string_view first = fanout.children()[0].reply->view();
  for (const FanoutChild& child : fanout.children()) {
    if (child.reply->view() == first) continue;
    out.append("-ERR ringfold: the servers do not agree in their answers\r\n");
    return;
  }
  out.append(first);
}

char wanted_type(Merge merge) {
  switch (merge) {
    case Merge::sum:
      return ':';
    case Merge::all_ok:
      return '+';
    case Merge::random_key:
    case Merge::first_equal:
      return '$';
    case Merge::none:
    case Merge::array_by_key:
    case Merge::concat_arrays:
    case Merge::scan:
    case Merge::all_ones:
    case Merge::values_by_key:
    case Merge::stats:
      return '*';
  }
  return '*';
}

}  // namespace

void merge_redis(Context& context, Request& parent, Batch& batch) {
  Fanout& fanout = fanout_of(parent.fanout);
  BatchWriter out(batch, context.blocks);
  const Merge merge = parent.merge;
  if (const std::string_view error = find_error(fanout, wanted_type(merge)); !error.empty()) {
    out.append(error);
    return;
  }
  switch (merge) {
    case Merge::array_by_key:
      merge_by_key(context, fanout, out);
      break;
    case Merge::sum:
      merge_sum(fanout, out);
      break;
    case Merge::all_ok:
      out.append(fanout.children()[0].reply->view());
      break;
    case Merge::concat_arrays:
      merge_concat(fanout, out);
      break;
    case Merge::scan:
      merge_scan(context.pools[context.clients[parent.client].pool].server_count(), fanout, out);
      break;
    case Merge::random_key:
      merge_random_key(context, fanout, out);
      break;
    case Merge::all_ones:
      merge_all_ones(fanout, out);
      break;
    case Merge::first_equal:
      merge_first_equal(fanout, out);
      break;
    case Merge::none:
    case Merge::values_by_key:
    case Merge::stats:
      RINGFOLD_ASSERT(merge == Merge::all_ok);  // no answers of Redis are merged like these
  }
}

}  // namespace ringfold
