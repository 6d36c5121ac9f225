// Everything that ringfold says to a client when it cannot answer as asked: one text a failure, in
// one table.
#pragma once

#include <string>
#include <string_view>

#include "ringfold/base/ints.h"
#include "ringfold/config.h"
#include "ringfold/proto/command.h"

namespace ringfold {

// What can go wrong between here and a server.
enum class Failure : u8 {
  none,
  timed_out,           // no answer within timeout_ms
  connect_timed_out,   // no connection within connect_timeout_ms
  refused,             // ECONNREFUSED, ENOENT of a unix socket
  unreachable,         // other errors of connect
  closed,              // the server closed the connection
  reset,               // the connection broke
  bad_reply,           // what the server sent is not the protocol
  reply_too_large,     // a reply that has to wait for its turn exceeds client_output_limit
  password_refused,    // AUTH failed
  database_refused,    // SELECT failed
  probe_refused,       // PING or version was answered with an error
  overloaded,          // server_pending_limit or server_output_limit is reached
  ejected,             // out of service for now
  unresolved,          // the host name has no address
  cut_off,             // no answer within drain_timeout_ms, while the process ends
  out_of_descriptors,  // no socket could be made
  out_of_requests,     // the worker's table of requests is full
  keys_moved,          // the request waited, and its keys are on several servers now
};

// What happened at a server, without the server's name: for the log. detail is appended when not
// empty.
[[nodiscard]] std::string failure_reason(Failure failure, std::string_view detail = {});

// The whole reply line that tells a client: `-ERR ringfold: server "beta" timed out` or
// `SERVER_ERROR ringfold: ...`, with CRLF.
[[nodiscard]] std::string failure_line(Protocol protocol, Failure failure, std::string_view server,
                                       std::string_view detail = {});

// The reply to a request that is not taken because memory_limit is near, with CRLF.
[[nodiscard]] std::string_view memory_line(Protocol protocol);

[[nodiscard]] Failure failure_of_connect(i32 result);
[[nodiscard]] Failure failure_of_stream(i32 result);

// Why a command is not served: "ERR ringfold: 'multi' is refused: ...".
[[nodiscard]] std::string refusal_text(const CommandSpec& command);

}  // namespace ringfold
