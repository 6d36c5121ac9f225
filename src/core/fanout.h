// Fan-out: one command to several servers, their answers made one. The parent request stands in the
// client's line, a child for each server touched stands in that server's line; the last child to
// answer completes the parent. Nothing is composed before the parent's turn, and then directly into
// the client's batch.
#pragma once

#include <string_view>

#include "core/request.h"
#include "ringfold/mem/batch.h"
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

// The child's reply is whole, in Request::reply; the child's slot is done with.
void finish_child(Context& context, u32 child);

// Requires: parent is ready. Appends its reply.
void merge_replies(Context& context, Request& parent, Batch& out);

// Gives back what a parent holds.
void release_fanout(Context& context, Block* fanout);

}  // namespace ringfold
