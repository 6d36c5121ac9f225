// The memcached command table, one row a command, and the lookup of a name. Counts of words are
// what memcached 1.6.18 insists on before it looks at anything else.
#include <array>
#include <iterator>

#include "ringfold/proto/memcached.h"

namespace ringfold::memcached {

namespace {

using enum Command;

constexpr CommandRow row(std::string_view name, Command command, Route route, u8 words_min,
                         u8 words_max, ReplyShape reply) {
  CommandRow made;
  made.name = name;
  made.sent_as = name;
  made.command = command;
  made.route = route;
  made.words_min = words_min;
  made.words_max = words_max;
  made.reply = reply;
  return made;
}

// VALUE blocks for the keys from word key_at on. A gat without keys is answered (with END), so
// words_min does not count them.
constexpr CommandRow retrieval(std::string_view name, Command command, u8 key_at) {
  CommandRow made = row(name, command, Route::split_keys, 2, 0, ReplyShape::values);
  made.key_at = key_at;
  made.merge = Merge::values_by_key;
  return made;
}

// An old name of get. A server hears the new one, because memcached takes long lines of that alone.
constexpr CommandRow bget_row() {
  CommandRow made = retrieval("bget", get, 1);
  made.sent_as = "get";
  return made;
}

// One key, `words` words, then possibly noreply.
constexpr CommandRow keyed(std::string_view name, Command command, u8 words) {
  CommandRow made =
      row(name, command, Route::by_key, words, static_cast<u8>(words + 1), ReplyShape::line);
  made.key_at = 1;
  made.has_noreply = true;
  return made;
}

constexpr CommandRow storage(std::string_view name, Command command, u8 words = 5) {
  CommandRow made = keyed(name, command, words);
  made.data_length_at = 4;
  return made;
}

constexpr CommandRow meta(std::string_view name, Command command, u8 data_length_at = 0) {
  CommandRow made = row(name, command, Route::by_key, 2, 0, ReplyShape::meta);
  made.key_at = 1;
  made.data_length_at = data_length_at;
  return made;
}

constexpr CommandRow local(std::string_view name, Command command, u8 words_min = 1,
                           u8 words_max = 0) {
  return row(name, command, Route::local, words_min, words_max, ReplyShape::line);
}

constexpr CommandRow refused(std::string_view name, Command command) {
  CommandRow made = row(name, command, Route::refused, 1, 0, ReplyShape::line);
  made.refusal = Refusal::administration;
  return made;
}

constexpr CommandRow delete_row() {
  CommandRow made = keyed("delete", delete_, 2);
  made.words_max = 4;  // a hold time of 0 may stand in front of noreply
  return made;
}

constexpr CommandRow flush_all_row() {
  CommandRow made = row("flush_all", flush_all, Route::all_servers, 1, 3, ReplyShape::line);
  made.has_noreply = true;
  made.merge = Merge::all_ok;
  return made;
}

constexpr CommandRow stats_row() {
  CommandRow made = row("stats", stats, Route::all_servers, 1, 0, ReplyShape::stats);
  made.merge = Merge::stats;
  return made;
}

constexpr CommandRow me_row() {
  CommandRow made = meta("me", me);
  made.words_min = 1;  // memcached has words of its own for a missing key
  return made;
}

constexpr CommandRow verbosity_row() {
  CommandRow made = row("verbosity", verbosity, Route::all_servers, 2, 3, ReplyShape::line);
  made.has_noreply = true;
  made.merge = Merge::all_ok;
  return made;
}

constexpr CommandRow kRows[] = {
    storage("add", add),
    storage("append", append),
    bget_row(),
    refused("cache_memlimit", cache_memlimit),
    storage("cas", cas, 6),
    keyed("decr", decr, 3),
    delete_row(),
    refused("extstore", extstore),
    flush_all_row(),
    retrieval("gat", gat, 2),
    retrieval("gats", gats, 2),
    retrieval("get", get, 1),
    retrieval("gets", gets, 1),
    keyed("incr", incr, 3),
    refused("lru", lru),
    refused("lru_crawler", lru_crawler),
    meta("ma", ma),
    meta("md", md),
    me_row(),
    meta("mg", mg),
    local("mn", mn),
    meta("ms", ms, 2),
    storage("prepend", prepend),
    local("quit", quit),
    refused("refresh_certs", refresh_certs),
    storage("replace", replace),
    storage("set", set),
    refused("shutdown", shutdown),
    refused("slabs", slabs),
    stats_row(),
    keyed("touch", touch, 3),
    verbosity_row(),
    local("version", version),
    refused("watch", watch),
};

// The index from a name to its row: an open hash of a name's first three bytes and its length,
// with a multiplier that the compiler has tried until no two names met.
constexpr u32 kSlotBits = 8;
constexpr std::size_t kNameLengthMin = 2;

constexpr u32 fingerprint(std::string_view name) {
  const auto byte = [name](std::size_t i) { return u32{static_cast<unsigned char>(name[i])}; };
  const u32 third = name.size() > 2 ? byte(2) : 0;
  return byte(0) | byte(1) << 8 | third << 16 | static_cast<u32>(name.size()) << 24;
}

constexpr u32 slot_of(u32 print, u32 multiplier) {
  return (print * multiplier) >> (32 - kSlotBits);
}

constexpr bool is_perfect(u32 multiplier) {
  bool used[1u << kSlotBits] = {};
  for (const CommandRow& candidate : kRows) {
    bool& slot = used[slot_of(fingerprint(candidate.name), multiplier)];
    if (slot) return false;
    slot = true;
  }
  return true;
}

constexpr u32 kMultiplier = [] {
  u32 multiplier = 0x9e3779b1;  // any odd number will do to start with
  while (!is_perfect(multiplier)) multiplier += 2;
  return multiplier;
}();

constexpr std::array<u8, 1u << kSlotBits> kSlots = [] {
  std::array<u8, 1u << kSlotBits> slots{};  // an empty slot names row 0, whose name will not match
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    slots[slot_of(fingerprint(kRows[i].name), kMultiplier)] = static_cast<u8>(i);
  }
  return slots;
}();

}  // namespace

std::span<const CommandRow> command_table() {
  return kRows;
}

const CommandRow* find_command(std::string_view name) {
  if (name.size() < kNameLengthMin) return nullptr;
  const CommandRow& candidate = kRows[kSlots[slot_of(fingerprint(name), kMultiplier)]];
  return candidate.name == name ? &candidate : nullptr;
}

}  // namespace ringfold::memcached
