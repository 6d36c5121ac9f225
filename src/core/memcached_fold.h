// Read folding: gets of one key that wait unsent for the same server travel as one get of many.
//
//   clients:   get a | get b | get c          the server:   get a b c
//   line:      a (shape value) -> b (value) -> c (values)
//   reply:     VALUE a ... | VALUE c ... | END
//
// Each get keeps its own place in the connection's line, so deadlines, failures and clients that
// leave need to know nothing of this. What is folded is one group; the request at its front owns
// the keys of the group from its own on, because an answer names the keys it has, not those it has
// not. A group holds no key twice: so a VALUE line belongs to one request only.
#pragma once

#include <string_view>

#include "core/backend.h"

namespace ringfold {

struct Context;

// Adds a get's key to the line that stands last in the connection's batch. False: it cannot be, and
// nothing has happened; the request then goes as a line of its own, and start_fold() is called
// behind it. Requires: the request was the last to be enqueued for the connection.
[[nodiscard]] bool fold_get(Context& context, BackendConnection& connection, u32 request,
                            std::string_view key);

// The request's "get <key>" was just appended: more keys may follow.
void start_fold(BackendConnection& connection, u32 request, std::string_view key);

// What the next line from the server means for the request at the front of the connection's line.
enum class FoldedAnswer : u8 {
  here,      // the line is the start, or all, of its answer
  missed,    // it has no value
  failed,    // the line is an error: its answer, and that of all behind it
  stranger,  // no such answer was asked for
};

// Requires: the front request has folded_keys; line ends in LF. The keys go on to the next request
// of the group.
[[nodiscard]] FoldedAnswer match_folded(Context& context, BackendConnection& connection,
                                        std::string_view line);

// The first line of bytes, put together with what was kept of it before. complete: line is it, with
// its LF, valid until bytes or the connection's cut_line change. invalid: longer than any such
// line. used: how many bytes were moved to cut_line.
[[nodiscard]] ParseStatus take_folded_line(Context& context, BackendConnection& connection,
                                           std::string_view bytes, std::string_view& line,
                                           std::size_t& used);

}  // namespace ringfold
