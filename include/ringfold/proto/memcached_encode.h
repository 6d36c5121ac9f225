// The encoder declared in memcached.h.
#pragma once

#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold::memcached {

namespace detail {

// How many words of a classic request mean something, noreply and ignored words excluded; all of
// them for a meta command.
[[nodiscard]] u32 forwarded_words(const CommandRow& row, std::string_view bytes,
                                  const RequestFrame& frame);

[[nodiscard]] constexpr bool is_meta(Command command) {
  return command == Command::mg || command == Command::ms || command == Command::md ||
         command == Command::ma;
}

// The word where the flags of a meta command start.
[[nodiscard]] constexpr u32 flags_at(const CommandRow& row) {
  return (row.data_length_at == 0 ? row.key_at : row.data_length_at) + 1u;
}

}  // namespace detail

template <class Out>
void encode_forward(Out& out, const CommandRow& row, std::string_view bytes,
                    const RequestFrame& frame, Quiet& quiet) {
  quiet = quiet_of(row, bytes, frame);
  out.append(row.sent_as);
  const u32 words = detail::forwarded_words(row, bytes, frame);
  const bool has_flags = detail::is_meta(row.command);
  const u32 flags_at = detail::flags_at(row);
  TokenCursor cursor(bytes, frame, 1);
  Argument token;
  for (u32 i = 1; i < words && cursor.next(token); ++i) {
    // memcached looks at the first byte of a flag only: "quiet" is q as well.
    if (has_flags && i >= flags_at && bytes[token.offset] == 'q') continue;
    out.append(std::string_view(" "));
    out.append(bytes.substr(token.offset, token.length));
  }
  out.append(std::string_view("\r\n"));
}

}  // namespace ringfold::memcached
