// Recipe: one kind of request, compiled. Its text is built once; for each request only the digits
// of its keys are changed, and values are put between its pieces.
//
//   SET:  piece 0  "*3\r\n$3\r\nSET\r\n$16\r\nkey:............\r\n$"   then value(key 0) with its
//         piece 1  ""                                                  length in front
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "load/key_names.h"
#include "load/values.h"
#include "ringfold/base/error.h"
#include "ringfold/base/ints.h"
#include "ringfold/config.h"
#include "ringfold/proto/memcached.h"

namespace ringfold::load {

// What its reply must be.
enum class Check : u8 {
  stored,   // +OK, STORED
  value,    // the key's value, or a miss
  values,   // the keys' values or misses, in the order of the keys
  counter,  // a number above 0; memcached: or a miss
  deleted,  // :0 or :1; DELETED or NOT_FOUND
  type,     // a reply whose first byte is in reply_types; anything but an error when that is empty
};

// Where a key's digits stand in a text.
struct KeySlot {
  u32 offset = 0;
  u32 key = 0;  // which of the request's keys
};

inline constexpr u32 kNoValue = 0xffffffff;

struct Piece {
  std::string text;
  std::vector<KeySlot> slots;
  u32 value_of = kNoValue;  // the key whose value follows, its length and line ends included
};

struct Recipe {
  std::string name;
  std::vector<Piece> pieces;
  std::string key_prefix;  // of its keys
  u32 key_count = 0;
  u32 weight = 1;
  Check check = Check::type;
  bool is_read = false;     // the hit ratio applies to its keys
  bool is_replay = false;   // the text is a line of the replayed file: key 0 says which
  std::string reply_types;  // Redis, Check::type: "+$"; '0' stands for a null
  memcached::ReplyShape shape = memcached::ReplyShape::line;  // memcached

  // The longest of its requests, bytes.
  u64 size_max(const Values& values) const;
};

// "$5\r\n" without the dollar, the value, CRLF.
template <class Out>
void append_sized_value(Out& out, const Values& values, u64 key) {
  char digits[16];
  const u32 size = values.size_of(key);
  char* end = std::to_chars(digits, digits + 12, size).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(std::string_view(digits, static_cast<std::size_t>(end - digits)));
  values.append_cut(out, key, size);
  out.append(std::string_view("\r\n"));
}

// Writes a request. key_at(i) is its i-th key. Out is anything with append(std::string_view).
// Requires: recipe is this thread's own copy, for its texts are changed.
template <class Out, class KeyAt>
void append_request(Out& out, Recipe& recipe, const Values& values, KeyAt&& key_at) {
  for (Piece& piece : recipe.pieces) {
    for (const KeySlot& slot : piece.slots) {
      write_digits(piece.text.data() + slot.offset, key_at(slot.key));
    }
    out.append(std::string_view(piece.text));
    if (piece.value_of != kNoValue) append_sized_value(out, values, key_at(piece.value_of));
  }
}

// What --mix names: get, set, mgetK, getK (K keys), incr, del. Counters have names of their own, so
// that they never meet a value: key_prefix + "counter:".
[[nodiscard]] Expected<Recipe> builtin_recipe(Protocol protocol, std::string_view name,
                                              std::string_view key_prefix);

// "get:9,set:1": recipes with weights; a weight may be left out (1).
[[nodiscard]] Expected<std::vector<Recipe>> parse_mix(Protocol protocol, std::string_view mix,
                                                      std::string_view key_prefix);

// A counter's first value, for --fill: SET counter 0.
[[nodiscard]] Recipe counter_fill_recipe(Protocol protocol, std::string_view key_prefix);

}  // namespace ringfold::load
