// A TOML document as a plain tree with the position of every key and value. Owns its strings. This
// header hides the TOML library from the rest of the configuration code: only document.cc includes
// it.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "ringfold/base/ints.h"
#include "ringfold/config.h"

namespace ringfold {

// Where something stands in the file. Line and column count from 1, columns in code points.
struct Position {
  u32 line = 1;
  u32 column = 1;

  friend auto operator<=>(const Position&, const Position&) = default;
};

struct Entry;

struct Node {
  enum class Kind : u8 { string, integer, floating, boolean, date_time, array, table };

  Kind kind = Kind::table;
  Position position;
  std::string text;            // string
  i64 integer = 0;             // integer
  bool boolean = false;        // boolean
  std::vector<Node> items;     // array
  std::vector<Entry> entries;  // table, in the order of the file

  bool is(Kind wanted) const { return kind == wanted; }
};

struct Entry {
  std::string key;
  Position position;  // of the key
  Node value;
};

// "a string", "an integer", ...
[[nodiscard]] std::string_view describe(Node::Kind kind);

// The document, or the first mistake against the grammar of TOML. What the file says in a line that
// speaks of a password is never part of the error.
[[nodiscard]] tl::expected<Node, ConfigError> parse_document(std::string_view text,
                                                             const std::string& file_name);

}  // namespace ringfold
