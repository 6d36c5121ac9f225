// Every compile-time limit of ringfold, with the relations between them. Limits that an operator
// may change are configuration (config.h); these are the ones that shape data structures.
#pragma once

#include "ringfold/base/ints.h"

namespace ringfold {

// Servers in one pool. The SCAN cursor carries the server in 10 bits.
inline constexpr u32 kServersPerPoolMax = 1024;
// Parts of one command that is split; its keys name theirs in 16 bits.
inline constexpr u32 kFanoutChildrenMax = 1u << 16;
inline constexpr u32 kPoolsMax = 256;
inline constexpr u32 kThreadsMax = 256;

// What Redis itself accepts: proto-max-bulk-len (512 MiB), 1024 * 1024 arguments, 64 KiB inline
// lines.
inline constexpr u64 kBulkLengthMax = 512_MiB;
inline constexpr u32 kArgumentsMax = 1024 * 1024;
inline constexpr u32 kInlineLengthMax = 64 * 1024;

// The largest request of a client that has not given the password yet; Redis' own limit for one of
// its arguments.
inline constexpr u64 kUnauthenticatedRequestMax = 16_KiB;

// Slots of the worker's slabs. Address space is reserved for all of them, memory is used by those
// in use.
inline constexpr u32 kClientsPerWorkerMax = 1u << 20;
inline constexpr u32 kBackendConnectionsPerWorkerMax = 1u << 16;
inline constexpr u32 kRequestsPerWorkerMax = 1u << 24;

// Received bytes are followed by at least so many that may be read (undefined values), so that
// scanners may load whole words.
inline constexpr std::size_t kReadablePadding = 64;

// What one client may have under way: commands, bytes of commands, and bytes of the replies to
// come, as far as those it had so far tell. Past it the client is not read until it is down to
// half. Others wait behind it in the lines of the servers, so this is also how long they wait
// (about 0.3 ms at a Redis that takes 3 million commands a second), and it is far more than keeps a
// connection busy.
inline constexpr u32 kClientPipelineMax = 1024;
inline constexpr u32 kClientPipelineMin = 4;
inline constexpr u32 kClientPipelineStart = 128;
inline constexpr u64 kClientRequestBytesMax = 2_MiB;
inline constexpr u64 kClientReplyBytesMax = 2_MiB;

// Commands of one client in one tick, for those that the proxy answers by itself.
inline constexpr u32 kClientCommandsPerTick = 1024;

// One flush of one socket: a huge batch may not own the tick, nor the kernel's socket buffer.
inline constexpr std::size_t kFlushBytesMax = 1_MiB;
inline constexpr u32 kFlushIovecsMax = 64;

// A reply that has grown past this while its request is first in its client's line is passed on as
// it arrives; a smaller one waits until it is whole, so that a server dying in the middle of it
// costs an error and not the client's connection.
inline constexpr std::size_t kCutThroughMin = 64_KiB;

static_assert(kServersPerPoolMax <= 1u << 10);
static_assert(kServersPerPoolMax <= kFanoutChildrenMax);
static_assert(kClientPipelineMax < kRequestsPerWorkerMax);

}  // namespace ringfold
