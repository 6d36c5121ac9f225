#include "core/memcached_fold.h"

#include <cstring>

#include "core/context.h"

namespace ringfold {

namespace {

constexpr std::string_view kCommand = "get ";
constexpr std::string_view kLineEnd = "\r\n";

// A line that starts a part of an answer: VALUE with a key and three numbers, END, or an error in
// words.
constexpr std::size_t kReplyLineMax = 4096;

// Most groups are of a few short keys.
constexpr u64 kKeysRoom = 256;

// A bit for each key of a group: where none is set, the key is new to it. Only that must be right,
// so the mixing is as cheap as it can be (the multiplier is 2^64 divided by the golden ratio).
// Requires: eight bytes behind the key may be read.
u32 filter_bit(std::string_view key) {
  constexpr u64 kMultiplier = 0x9e3779b97f4a7c15;
  u64 front;
  std::memcpy(&front, key.data(), sizeof front);
  u64 back = 0;
  if (key.size() >= sizeof back) {
    std::memcpy(&back, key.data() + key.size() - sizeof back, sizeof back);
  } else {
    front &= (u64{1} << (8 * key.size())) - 1;
  }
  const u64 mixed = ((front * kMultiplier) ^ back) * kMultiplier + key.size();
  return static_cast<u32>((mixed * kMultiplier) >> 54);
}
static_assert(sizeof(OpenGet::filter) * 8 == 1u << (64 - 54));

bool test_and_set(OpenGet& open, u32 bit) {
  u64& word = open.filter[bit / 64];
  const u64 mask = u64{1} << (bit % 64);
  const bool was_set = (word & mask) != 0;
  word |= mask;
  return was_set;
}

void append_key(Context& context, Block*& keys, std::string_view key) {
  keys = context.blocks.grow(keys, key.size() + 1 + kReadablePadding);
  std::memcpy(keys->data + keys->end, key.data(), key.size());
  keys->end += static_cast<u32>(key.size());
  keys->data[keys->end++] = ' ';
}

bool holds_key(std::string_view keys, std::string_view key) {
  while (!keys.empty()) {
    const std::size_t length = keys.find(' ');
    if (keys.substr(0, length) == key) return true;
    keys.remove_prefix(length + 1);
  }
  return false;
}

// The key of a VALUE line; nothing for another one.
std::string_view key_of_value(std::string_view line) {
  constexpr std::string_view kValue = "VALUE ";
  if (!line.starts_with(kValue)) return {};
  line.remove_prefix(kValue.size());
  return line.substr(0, line.find(' '));
}

}  // namespace

bool fold_get(Context& context, BackendConnection& connection, u32 request, std::string_view key) {
  OpenGet& open = connection.open_get;
  // Anything appended behind the line moves the end on.
  if (open.last == kNone || open.ends_at != end_of_requests(connection)) return false;
  const u32 added = static_cast<u32>(key.size()) + 1;
  if (open.line_length + added > memcached::kLineLengthMax) return false;
  Batch& batch = request_batch(connection);
  if (open.first == open.last) {
    std::string_view only = batch.tail(open.line_length - static_cast<u32>(kCommand.size()));
    if (only.empty()) return false;  // being sent, or not in one piece
    only.remove_suffix(kLineEnd.size());
    if (only == key) return false;
    Block* keys = context.blocks.take(kKeysRoom);
    append_key(context, keys, only);
    open.filter = {};
    test_and_set(open, filter_bit({keys->data, only.size()}));
    context.requests[open.first].folded_keys = keys;
  } else if (batch.tail(kLineEnd.size()).empty()) {
    return false;
  }
  Block*& keys = context.requests[open.first].folded_keys;
  if (test_and_set(open, filter_bit(key)) && holds_key(keys->view(), key)) return false;
  append_key(context, keys, key);
  context.requests[open.last].shape = memcached::ReplyShape::value;
  batch.drop_tail(kLineEnd.size());
  batch.append(context.blocks, " ");
  batch.append(context.blocks, key);
  batch.append(context.blocks, kLineEnd);
  open.last = request;
  open.line_length += added;
  open.ends_at += added;
  return true;
}

void start_fold(BackendConnection& connection, u32 request, std::string_view key) {
  OpenGet& open = connection.open_get;
  open.first = request;
  open.last = request;
  open.line_length = static_cast<u32>(kCommand.size() + key.size() + kLineEnd.size());
  open.ends_at = end_of_requests(connection);
}

FoldedAnswer match_folded(Context& context, BackendConnection& connection, std::string_view line) {
  Request& request = context.requests[connection.first_pending];
  Block* const keys = request.folded_keys;
  const std::string_view rest = keys->view();
  const std::string_view key = rest.substr(0, rest.find(' '));
  const bool is_last = request.shape == memcached::ReplyShape::values;
  const std::string_view value_key = key_of_value(line);
  const bool is_value = !value_key.empty();
  const bool is_its_own = value_key == key;
  request.folded_keys = nullptr;
  if (is_last) {
    context.blocks.give(keys);
    return is_value && !is_its_own ? FoldedAnswer::stranger : FoldedAnswer::here;
  }
  keys->begin += static_cast<u32>(key.size()) + 1;
  context.requests[request.next_in_backend].folded_keys = keys;
  if (is_value) return is_its_own ? FoldedAnswer::here : FoldedAnswer::missed;
  if (line == "END\r\n") return FoldedAnswer::missed;
  return memcached::is_error(line) ? FoldedAnswer::failed : FoldedAnswer::stranger;
}

ParseStatus take_folded_line(Context& context, BackendConnection& connection,
                             std::string_view bytes, std::string_view& line, std::size_t& used) {
  const std::size_t newline = bytes.substr(0, kReplyLineMax).find('\n');
  const bool is_whole = newline != std::string_view::npos;
  Block*& kept = connection.cut_line;
  used = 0;
  if (kept == nullptr && is_whole) {
    line = bytes.substr(0, newline + 1);
    return ParseStatus::complete;
  }
  used = is_whole ? newline + 1 : bytes.size();
  const std::size_t before = kept == nullptr ? 0 : kept->size();
  if (before + used > kReplyLineMax) return ParseStatus::invalid;
  if (kept == nullptr) kept = context.blocks.take(kKeysRoom);
  kept = context.blocks.grow(kept, used + kReadablePadding);
  std::memcpy(kept->data + kept->end, bytes.data(), used);
  kept->end += static_cast<u32>(used);
  if (!is_whole) return ParseStatus::incomplete;
  line = kept->view();
  return ParseStatus::complete;
}

}  // namespace ringfold
