// Values that say which key they belong to and which write made them, in every eight of their
// bytes: a value of another key, a piece of another write, a lost or changed byte are all seen.
#pragma once

#include <string>
#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold::torture {

// The shortest value there is for a key of this name, in bytes.
std::size_t shortest_value(std::string_view key);

// Appends the value that write `token` gives the key, `size` bytes long.
// Requires: size >= shortest_value(key).
void append_value(std::string& out, std::string_view key, u64 token, std::size_t size);

// What is wrong with a value that was read from the key; empty: nothing, and token is the write
// that made it.
std::string examine_value(std::string_view value, std::string_view key, u64& token);

// Printable, with escapes, and shortened in its middle to about `limit` characters.
std::string printable(std::string_view bytes, std::size_t limit = 400);

}  // namespace ringfold::torture
