// Health: whether a server is asked, as this worker sees it.
//
//               a connection never came about, or got stuck, and no other one is open
//      up ------------------------------------------------------------> down
//       ^  \                                                             |
//       |   \ server_failure_limit failures                              | the same
//       |    \ (auto_eject_hosts)                                        v
//       |     +-----------------------------------------------------> ejected
//       +------------------------- a probe was answered ----------------/
//
// Requests for a server that is down or ejected fail at once; nothing but a probe (a connection
// that is greeted with AUTH, SELECT and PING, or with version) goes there. A server that is down is
// probed soon, then less and less often; one that is ejected every server_retry_timeout_ms. With
// on_failure = "rehash" the keys of an ejected server move, by twemproxy's rules
// (hash/shard_map.h).
#pragma once

#include <string>
#include <string_view>

#include "core/error_text.h"
#include "ringfold/base/ints.h"

namespace ringfold {

struct Backend;
struct Context;
struct Pool;
struct PoolConfig;

enum class HealthState : u8 { up, down, ejected };

struct Health {
  HealthState state = HealthState::up;
  u32 failures = 0;  // since the last reply
  u32 probes = 0;    // that failed, one after the other
  Nanos since = 0;   // when it went down or was ejected
  Nanos next_probe = kNever;
  Nanos timeouts_count_from = 0;   // the requests that time out together are one failure
  Failure reason = Failure::none;  // of the last failure
  std::string detail;              // the server's own words on it, if any
};

// Builds the pool's map of keys to servers from those that hold keys.
void build_shards(Pool& pool);

// True when requests that waited for a connection which ended so are tried again, because the
// pool's keys move to other servers once this one is ejected, and it took no time to fail.
[[nodiscard]] bool is_tried_again(const PoolConfig& pool, Failure failure);

// A connection failed. is_gone: it never came about, or was stuck, so that the next one is likely
// to fare no better.
void note_failure(Context& context, u16 pool, u32 backend, Failure failure, std::string_view detail,
                  bool is_gone);

// The end of a tick: notes the servers to which no connection could be opened.
void note_open_failures(Context& context);

// Requests to the server have passed their deadline while it said nothing.
void note_timeout(Context& context, u16 pool, u32 backend);

// A probe was answered.
void note_return(Context& context, u16 pool, u32 backend);

// Sends a probe if it is time to. Returns when to look again.
[[nodiscard]] Nanos probe_if_due(Context& context, u16 pool, u32 backend);

// Something has changed that makes it worth to ask at once.
void probe_soon(Context& context, Health& health);

// The error line for a client whose request was not sent to the server for this failure, which is
// counted.
[[nodiscard]] std::string refusal_line(const Context& context, u16 pool, u32 backend,
                                       Failure failure);

// True when the pool wants this failure to look like a miss to those who read (memcached).
[[nodiscard]] bool is_taken_for_miss(const Context& context, u16 pool, Failure failure);

}  // namespace ringfold
