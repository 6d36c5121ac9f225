// From a whole Redis request to where it goes: the command's row decides.
#pragma once

#include <string_view>

#include "core/client_stream.h"
#include "ringfold/base/ints.h"
#include "ringfold/mem/block_pool.h"
#include "ringfold/proto/command.h"
#include "ringfold/proto/protocol.h"

namespace ringfold {

struct Context;
struct Request;
class Batch;

// Takes one request from the start of bytes (redis_stream.cc). frame: the parser's progress,
// resumed in the next call when incomplete. size_max: the largest request, bytes. used: how many
// bytes it took, when handled. owned: as below.
[[nodiscard]] Step take_redis_request(Context& context, u32 client, std::string_view bytes,
                                      u64 size_max, RequestFrame& frame, Block** owned,
                                      std::size_t& used);

// bytes: exactly the request, followed by readable padding. owned: the block that holds bytes at
// its begin, or nullptr; a large one may be taken over instead of copied, and *owned is then
// nullptr.
void dispatch_redis(Context& context, u32 client, std::string_view bytes, const RequestFrame& frame,
                    Block** owned);

// Requires: parent is ready. Appends its merged reply (redis_merge.cc).
void merge_redis(Context& context, Request& parent, Batch& out);

// What the proxy answers by itself (local_commands.cc).
void answer_locally(Context& context, u32 client, std::string_view bytes, const RequestFrame& frame,
                    const CommandSpec& command);

}  // namespace ringfold
