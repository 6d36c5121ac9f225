// Pressure: what keeps memory bounded when somebody takes more than he gives back.
//
//   a server's line is half full      clients that add to it are not read until it has emptied
//   (server_pending_limit,            a quarter
//    server_output_limit)
//   it is full                        its requests are refused
//   memory is three quarters full     clients that hold much are not read until they hold less
//   (memory_limit)
//   nine tenths                       requests of clients that hold much, and large ones, are
//   refused full                              the clients that hold most are closed
//
// A worker has an equal share of memory_limit: what it counts are its blocks (received and not yet
// handled, waiting to be sent, held replies), its requests and its clients.
#pragma once

#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold {

struct BackendConnection;
struct Client;
struct Context;

enum class Pressure : u8 { none, tight, dire };

// Bytes that the worker accounts for.
[[nodiscard]] u64 memory_in_use(const Context& context);

// When a client is not read for what it holds: past `pause` of its own, until it is below `resume`.
struct ClientMarks {
  u32 requests;
  u64 output;
};
[[nodiscard]] ClientMarks pause_marks(const Context& context, const Client& client);
[[nodiscard]] ClientMarks resume_marks(const Context& context, const Client& client);

// Bytes of replies were sent to the client: how many commands it may have under way follows from
// how large its replies are.
void note_reply_bytes(Client& client, u64 count);

// True when the request must not be taken for want of memory, which is counted: the client is told
// so.
[[nodiscard]] bool is_refused_for_memory(Context& context, const Client& client, u64 request_bytes);

// The server's line takes no further request.
[[nodiscard]] bool is_line_full(const Context& context, const BackendConnection& connection);

// A client's request was put into the connection's line: when that is filling up, the client is
// throttled.
void note_load(Context& context, u32 client, u32 connection);

// The connection's line got shorter, or ended.
void note_relief(Context& context, BackendConnection& connection);

// The end of a tick: lets throttled clients go on, and keeps memory_limit.
void keep_limits(Context& context);

}  // namespace ringfold
