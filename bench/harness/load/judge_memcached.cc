// Replies of memcached's text protocol.
#include <fmt/core.h>

#include <charconv>
#include <cstring>

#include "load/judge.h"

namespace ringfold::load {
namespace {

constexpr std::string_view kStored = "STORED\r\n";
constexpr std::string_view kEnd = "END\r\n";
constexpr std::string_view kNotFound = "NOT_FOUND\r\n";
constexpr std::string_view kDeleted = "DELETED\r\n";
constexpr std::string_view kValueWord = "VALUE ";

bool is_digits_line(std::string_view reply) {
  return reply.size() > 2 && reply.find_first_not_of("0123456789") == reply.size() - 2;
}

}  // namespace

MemcachedJudge::MemcachedJudge(const Plan& plan, Tally& tally) : JudgeBase(plan, tally) {}

memcached::ReplyShape MemcachedJudge::shape_of(const Asked& asked) const {
  return asked.recipe.is_replay ? plan_.replay->line(asked.key(0)).shape : asked.recipe.shape;
}

// The size of the VALUE block at the start of bytes if it is just this key's; else 0.
std::size_t MemcachedJudge::block_size(const Asked& asked, u64 key, std::string_view bytes) const {
  const std::string_view prefix = asked.recipe.key_prefix;
  const std::size_t name_end = kValueWord.size() + prefix.size() + kKeyDigits;
  if (key >= kMissingFrom || bytes.size() < name_end) return 0;
  char digits[kKeyDigits];
  write_digits(digits, key);
  const char* const at = bytes.data();
  if (std::memcmp(at + name_end - kKeyDigits, digits, kKeyDigits) != 0) return 0;
  if (std::memcmp(at, kValueWord.data(), kValueWord.size()) != 0) return 0;
  if (std::memcmp(at + kValueWord.size(), prefix.data(), prefix.size()) != 0) return 0;
  char rest[24] = " 0 ";
  const u32 size = values_.size_of(key);
  char* end = std::to_chars(rest + 3, rest + sizeof rest - 2, size).ptr;
  *end++ = '\r';
  *end++ = '\n';
  const auto rest_size = static_cast<std::size_t>(end - rest);
  const std::size_t total = name_end + rest_size + size + 2;
  if (bytes.size() < total) return 0;
  const char* const value = at + name_end + rest_size;
  if (std::memcmp(at + name_end, rest, rest_size) != 0) return 0;
  if (value[size] != '\r' || value[size + 1] != '\n') return 0;
  return values_.matches(value, size, key) ? total : 0;
}

// The blocks in the order of the keys, as a server has them. A proxy may have another order.
std::size_t MemcachedJudge::quick_values(const Asked& asked, std::string_view bytes) {
  std::size_t at = 0;
  u32 hits = 0;
  u32 unexpected = 0;
  for (u32 index = 0; index < asked.recipe.key_count; ++index) {
    const u64 key = asked.key(index);
    const std::size_t size = block_size(asked, key, bytes.substr(at));
    hits += size != 0;
    unexpected += size == 0 && key < kMissingFrom;
    at += size;
  }
  if (!bytes.substr(at).starts_with(kEnd)) return 0;
  if (unexpected != 0 && plan_.misses_are_faults) return 0;
  if (asked.is_measured) {
    tally_.hits += hits;
    tally_.misses += asked.recipe.key_count - hits;
    tally_.unexpected_misses += unexpected;
  }
  return at + kEnd.size();
}

std::size_t MemcachedJudge::quick(const Asked& asked, std::string_view bytes) {
  switch (asked.recipe.check) {
    case Check::stored:
      return bytes.starts_with(kStored) ? kStored.size() : 0;
    case Check::value:
    case Check::values:
      return quick_values(asked, bytes);
    case Check::counter:
    case Check::deleted:
    case Check::type:
      break;
  }
  return 0;
}

// How many of the request's keys have this name; key: their number.
u32 MemcachedJudge::find_key(const Asked& asked, std::string_view name, u64& key) const {
  u32 count = 0;
  for (u32 index = 0; index < asked.recipe.key_count; ++index) {
    if (key_name(asked, asked.key(index)) != name) continue;
    key = asked.key(index);
    ++count;
  }
  return count;
}

void MemcachedJudge::judge_values(const Asked& asked, std::string_view reply) {
  memcached::ValueCursor cursor(reply);
  std::string_view name;
  std::string_view block;
  u32 blocks = 0;
  while (cursor.next(name, block)) {
    u64 key = 0;
    if (find_key(asked, name, key) == 0) {
      on_mismatch(asked, reply, "only keys that were asked for");
      return;
    }
    if (block_size(asked, key, block) != block.size()) {
      const std::size_t line_end = block.find('\n') + 1;
      on_wrong_value(asked, reply, key, block.substr(line_end, block.size() - line_end - 2));
      return;
    }
    ++blocks;
  }
  if (cursor.end_line() != kEnd || blocks > asked.recipe.key_count) {
    on_mismatch(asked, reply, "at most one VALUE a key, then END");
    return;
  }
  bool is_complete = true;
  for (u32 index = 0; index < asked.recipe.key_count; ++index) {
    const u64 key = asked.key(index);
    const bool is_hit =
        reply.find(fmt::format("VALUE {} ", key_name(asked, key))) != std::string_view::npos;
    is_complete &= count_key(asked, key, is_hit);
  }
  if (!is_complete) on_unexpected_miss(asked, reply);
}

void MemcachedJudge::judge(const Asked& asked, std::string_view reply) {
  if (memcached::is_error(reply)) {
    on_error(asked, reply);
    return;
  }
  switch (asked.recipe.check) {
    case Check::stored:
      if (reply != kStored) on_mismatch(asked, reply, kStored);
      return;
    case Check::value:
    case Check::values:
      judge_values(asked, reply);
      return;
    case Check::counter:
      if (is_digits_line(reply) || reply == kNotFound) {
        tally_.hits += asked.is_measured && reply != kNotFound;
        tally_.misses += asked.is_measured && reply == kNotFound;
      } else {
        on_mismatch(asked, reply, "a number, or NOT_FOUND");
      }
      return;
    case Check::deleted:
      if (reply != kDeleted && reply != kNotFound) {
        on_mismatch(asked, reply, "DELETED or NOT_FOUND");
      }
      return;
    case Check::type:
      return;
  }
}

}  // namespace ringfold::load
