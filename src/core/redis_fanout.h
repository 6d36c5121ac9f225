// The Redis commands that go to several servers (fanout.h says what a fan-out is).
#pragma once

#include <string_view>

#include "ringfold/proto/command.h"
#include "ringfold/proto/protocol.h"

namespace ringfold {

struct Context;

// MGET, MSET, DEL, ...: by the servers of the keys. False when all keys are on one server, which is
// then in `server`: nothing was done, forward the request as it is.
[[nodiscard]] bool start_split(Context& context, u32 client, std::string_view bytes,
                               const RequestFrame& frame, const CommandSpec& command, u32& server);

// DBSIZE, FLUSHALL, ...: the same bytes to every server.
void start_all(Context& context, u32 client, std::string_view bytes, const CommandSpec& command);

// SCAN: to the server that the cursor names. A cursor of ours is the server's own times 1024 plus
// the server's number.
void start_scan(Context& context, u32 client, std::string_view bytes, const RequestFrame& frame,
                const CommandSpec& command);

}  // namespace ringfold
