// From a memcached request to where it goes: the command's row decides.
#pragma once

#include <string_view>

#include "core/client_stream.h"
#include "ringfold/base/ints.h"
#include "ringfold/mem/block_pool.h"
#include "ringfold/proto/memcached.h"
#include "ringfold/proto/protocol.h"

namespace ringfold {

struct Context;
struct Request;
class Batch;

// Takes one request from the start of bytes (memcached_stream.cc). frame: the parser's progress,
// resumed in the next call when incomplete. size_max: the largest request, bytes. used: how many
// bytes it took, when handled; may exceed bytes, then the client's skip_bytes has the rest. owned:
// as in dispatch_memcached().
[[nodiscard]] Step take_memcached_request(Context& context, u32 client, std::string_view bytes,
                                          u64 size_max, RequestFrame& frame, Block** owned,
                                          std::size_t& used);

// bytes: exactly the request, well-formed. owned: the block that holds bytes at its begin, or
// nullptr; that of a large one may be taken over instead of copied, and *owned is then nullptr.
void dispatch_memcached(Context& context, u32 client, std::string_view bytes,
                        const RequestFrame& frame, const memcached::CommandRow& row, Block** owned);

// get, gets, gat, gats over the servers of their keys, in lines that these take. False when one
// line to one server does, which is then in `server`: nothing was done, forward the request.
[[nodiscard]] bool start_multi_get(Context& context, u32 client, std::string_view bytes,
                                   const RequestFrame& frame, const memcached::CommandRow& row,
                                   u32& server);

// flush_all, stats: to every server.
void start_on_all_servers(Context& context, u32 client, std::string_view bytes,
                          const RequestFrame& frame, const memcached::CommandRow& row);

// Requires: parent is ready. Appends its merged reply (memcached_merge.cc).
void merge_memcached(Context& context, Request& parent, Batch& out);

}  // namespace ringfold
