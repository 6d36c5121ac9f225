// From a whole Redis request to where it goes: the command's row decides.
#pragma once

#include <string_view>

#include "ringfold/base/ints.h"
#include "ringfold/mem/block_pool.h"
#include "ringfold/proto/command.h"
#include "ringfold/proto/protocol.h"

namespace ringfold {

struct Context;

// bytes: exactly the request, followed by readable padding. owned: the block that holds bytes at
// its begin, or nullptr; a large one may be taken over instead of copied, and *owned is then
// nullptr.
void dispatch_redis(Context& context, u32 client, std::string_view bytes, const RequestFrame& frame,
                    Block** owned);

// What the proxy answers by itself (local_commands.cc).
void answer_locally(Context& context, u32 client, std::string_view bytes, const RequestFrame& frame,
                    const CommandSpec& command);

}  // namespace ringfold
