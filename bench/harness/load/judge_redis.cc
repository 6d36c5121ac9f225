// Replies of Redis, RESP2.
#include <fmt/core.h>

#include <charconv>
#include <cstring>

#include "load/judge.h"

namespace ringfold::load {
namespace {

constexpr std::string_view kOk = "+OK\r\n";
constexpr std::string_view kNull = "$-1\r\n";
constexpr std::size_t kHeaderMax = 16;

// "$5\r\n" into out; its size.
std::size_t write_header(char (&out)[kHeaderMax], char type, u32 number) {
  out[0] = type;
  char* end = std::to_chars(out + 1, out + kHeaderMax - 2, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return static_cast<std::size_t>(end - out);
}

bool is_null(std::string_view reply) {
  return reply == kNull || reply == "*-1\r\n";
}

// Whether a number reply is one of a few.
bool is_number_in(std::string_view reply, i64 least, i64 most) {
  resp::ReplyElement element;
  resp::ReplyCursor cursor(reply);
  return cursor.next(element) && element.type == ':' && element.number >= least &&
         element.number <= most;
}

}  // namespace

RedisJudge::RedisJudge(const Plan& plan, Tally& tally) : JudgeBase(plan, tally) {
  if (values_.sizes().is_fixed()) {
    fixed_header_ = fmt::format("${}\r\n", values_.sizes().most());
  }
}

// The size of the element at the start of bytes if it is the key's value or a null; else 0.
std::size_t RedisJudge::quick_element(const Asked& asked, u64 key, std::string_view bytes,
                                      bool& is_hit) {
  if (bytes.starts_with(kNull)) {
    is_hit = false;
    return kNull.size();
  }
  if (key >= kMissingFrom || asked.recipe.is_replay) return 0;
  char buffer[kHeaderMax];
  std::string_view header = fixed_header_;
  u32 size = values_.sizes().most();
  if (header.empty()) {
    size = values_.size_of(key);
    header = {buffer, write_header(buffer, '$', size)};
  }
  const std::size_t total = header.size() + size + 2;
  if (bytes.size() < total) return 0;
  const char* const value = bytes.data() + header.size();
  if (std::memcmp(bytes.data(), header.data(), header.size()) != 0) return 0;
  if (value[size] != '\r' || value[size + 1] != '\n') return 0;
  if (!values_.matches(value, size, key)) return 0;
  is_hit = true;
  return total;
}

std::size_t RedisJudge::quick_values(const Asked& asked, std::string_view bytes) {
  char buffer[kHeaderMax];
  const std::size_t header = write_header(buffer, '*', asked.recipe.key_count);
  if (!bytes.starts_with(std::string_view(buffer, header))) return 0;
  std::size_t at = header;
  u32 hits = 0;
  u32 unexpected = 0;
  for (u32 index = 0; index < asked.recipe.key_count; ++index) {
    bool is_hit = false;
    const u64 key = asked.key(index);
    const std::size_t size = quick_element(asked, key, bytes.substr(at), is_hit);
    if (size == 0) return 0;
    hits += is_hit;
    unexpected += !is_hit && key < kMissingFrom;
    at += size;
  }
  if (unexpected != 0 && plan_.misses_are_faults) return 0;
  if (asked.is_measured) {
    tally_.hits += hits;
    tally_.misses += asked.recipe.key_count - hits;
    tally_.unexpected_misses += unexpected;
  }
  return at;
}

std::size_t RedisJudge::quick(const Asked& asked, std::string_view bytes) {
  switch (asked.recipe.check) {
    case Check::stored:
      return bytes.starts_with(kOk) ? kOk.size() : 0;
    case Check::value: {
      bool is_hit = false;
      const u64 key = asked.key(0);
      const std::size_t size = quick_element(asked, key, bytes, is_hit);
      if (size == 0) return 0;
      const bool is_fault = !is_hit && key < kMissingFrom && plan_.misses_are_faults;
      if (is_fault) return 0;
      static_cast<void>(count_key(asked, key, is_hit));
      return size;
    }
    case Check::values:
      return quick_values(asked, bytes);
    case Check::counter:
    case Check::deleted:
    case Check::type:
      break;
  }
  return 0;
}

// One value or null among a reply's. False: a mismatch was reported.
bool RedisJudge::judge_element(const Asked& asked, std::string_view reply, u64 key,
                               const resp::ReplyElement& element) {
  if (element.type == '$' && element.number < 0) {
    if (!count_key(asked, key, false)) on_unexpected_miss(asked, reply);
    return true;
  }
  const bool is_value = element.type == '$' && key < kMissingFrom &&
                        element.text.size() == values_.size_of(key) &&
                        values_.matches(element.text.data(), values_.size_of(key), key);
  if (is_value) return count_key(asked, key, true);
  on_wrong_value(asked, reply, key, element.type == '$' ? element.text : std::string_view());
  return false;
}

void RedisJudge::judge_values(const Asked& asked, std::string_view reply) {
  resp::ReplyElement array;
  resp::ReplyCursor whole(reply);
  if (!whole.next(array) || array.type != '*' || array.number != asked.recipe.key_count) {
    on_mismatch(asked, reply, fmt::format("an array of {}", asked.recipe.key_count));
    return;
  }
  resp::ReplyCursor cursor = resp::ReplyCursor::into(array);
  resp::ReplyElement element;
  for (u32 index = 0; index < asked.recipe.key_count; ++index) {
    if (!cursor.next(element)) return;  // the scanner has counted them
    if (!judge_element(asked, reply, asked.key(index), element)) return;
  }
}

void RedisJudge::judge_type(const Asked& asked, std::string_view reply) {
  std::string_view types = asked.recipe.reply_types;
  if (asked.recipe.is_replay) types = plan_.replay->line(asked.key(0)).reply_types;
  if (types.empty()) return;
  const char type = is_null(reply) ? '0' : reply[0];
  if (types.find(type) == std::string_view::npos) {
    on_mismatch(asked, reply, fmt::format("a reply of the type {} (0: null)", types));
  }
}

void RedisJudge::judge(const Asked& asked, std::string_view reply) {
  if (reply[0] == '-') {
    on_error(asked, reply);
    return;
  }
  switch (asked.recipe.check) {
    case Check::stored:
      if (reply != kOk) on_mismatch(asked, reply, kOk);
      return;
    case Check::value: {
      resp::ReplyElement element;
      resp::ReplyCursor cursor(reply);
      if (cursor.next(element)) judge_element(asked, reply, asked.key(0), element);
      return;
    }
    case Check::values:
      judge_values(asked, reply);
      return;
    case Check::counter:
      if (!is_number_in(reply, 1, INT64_MAX)) on_mismatch(asked, reply, "a number above 0");
      return;
    case Check::deleted:
      if (!is_number_in(reply, 0, 1)) on_mismatch(asked, reply, ":0 or :1");
      return;
    case Check::type:
      judge_type(asked, reply);
      return;
  }
}

}  // namespace ringfold::load
