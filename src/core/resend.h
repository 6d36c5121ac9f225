// Resending: requests that waited for a connection which never came about have not reached any
// server, so they may be sent anew. That is done in pools whose keys move when a server is ejected:
// a client then sees no error for a server that died while nobody talked to it; and when a server
// moves to another address.
#pragma once

#include <string_view>

#include "core/error_text.h"
#include "core/histogram.h"
#include "ringfold/mem/batch.h"

namespace ringfold {

struct Backend;
struct BackendConnection;
struct Context;
struct PoolConfig;

// True when what waits on the connection may be sent anew, to whoever holds the keys when the
// failure has been noted. Never so for requests that have left, or have waited long already.
[[nodiscard]] bool may_resend(const Context& context, const BackendConnection& connection,
                              Failure failure);

// Sends the requests of a line anew: the first one and those behind it in the backend's line.
// unsent: their bytes and nothing else; taken over. error_line: for those that cannot be sent to
// one server by their keys.
void resend_line(Context& context, u16 pool, u32 first_request, Batch unsent,
                 std::string_view error_line, Counter& error_count);

// The keys have moved: deals what waits for connections that are not ready anew, so that requests
// for a key keep their order. What has several servers now fails (Failure::keys_moved).
void deal_waiting(Context& context, u16 pool);

// The server has another address now: what waits for its retired connections that are not ready
// goes there. Otherwise later requests for a key would be in front of them.
void follow_address(Context& context, const Backend& backend);

}  // namespace ringfold
