// Backend: one server of a pool as this worker sees it; BackendConnection: one upstream connection
// to it.
//
//   connecting --> greeting (AUTH, SELECT) --> ready --> closing --> free
//
// Requests may be queued from the first moment; their bytes wait in `queued` until the connection
// is ready, so none reaches a server that has refused the password or the database. A connection
// that fails is taken out of its backend at once and its requests are answered; the next request
// makes a new one, unless the server is down or ejected (health.h): then the next probe does.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error_text.h"
#include "core/health.h"
#include "core/request.h"
#include "core/send_times.h"
#include "ringfold/config.h"
#include "ringfold/io/ring.h"
#include "ringfold/mem/batch.h"
#include "ringfold/proto/memcached.h"
#include "ringfold/proto/resp.h"

namespace ringfold {

struct Context;

struct Backend {
  const ServerConfig* config = nullptr;
  std::unique_ptr<ServerConfig> last_config;  // what config points to once it is removed
  ServerStats* stats = nullptr;
  Address address;  // this worker's copy; set_server_address() changes it
  // Slots; kNone: none open. The first lane_count() places take requests, the last of them is the
  // bypass (bypass.h); behind them stand retired connections, as long as there are any.
  std::vector<u32> connections;
  Health health;
  // Why no socket could be opened in this tick. Noted when it ends: keys must not move while a
  // command is being taken apart.
  Failure open_failure = Failure::none;
  bool named = false;          // the address comes from a host name
  Nanos next_lookup_from = 0;  // no new look at the name is asked for before this time
};

// Progress in one reply, in the connection's protocol.
struct ReplyProgress {
  resp::ReplyFrame redis;
  memcached::ReplyFrame memcached;
};

// The gets that stand last among the bytes not yet sent, as one line to which more keys may be
// added (memcached_fold.cc).
struct OpenGet {
  u32 first = kNone;  // requests
  u32 last = kNone;
  u32 line_length = 0;
  u64 ends_at = 0;                  // where the line ends, counted from the connection's first byte
  std::array<u64, 16> filter = {};  // of its keys, once there are two: which may stand in it
};

// What a server is asked before the first request of a connection.
enum class Greeting : u16 {
  auth,
  select,
  probe,  // PING or version: is it there, and ready to serve?
};

enum class BackendState : u8 { free, connecting, greeting, ready, closing };

struct BackendConnection {
  u32 slab_next = kNone;
  i32 fd = -1;
  u32 generation = 0;
  // Its server's place; of one that is closing, what was its place: nothing may be there any more.
  u16 pool = 0;
  u16 backend = 0;
  u16 place = 0;  // in Backend::connections
  Protocol protocol = Protocol::redis;
  BackendState state = BackendState::free;
  u8 operations = 0;
  u8 greetings_left = 0;
  bool receiving : 1 = false;
  bool starved : 1 = false;  // the receive ended for want of a buffer
  bool sending : 1 = false;
  bool dirty : 1 = false;
  bool queued_for_settling : 1 = false;
  bool throttles : 1 = false;  // clients are not read until its line is shorter
  u32 armed_at = 0;            // Context::buffers_released when the receive was armed
  u32 first_pending = kNone;
  u32 last_pending = kNone;
  u32 first_live = kNone;  // the first pending request that is not expired
  u32 pending_count = 0;
  u32 expired_count = 0;  // of those pending: answered because they were late
  Batch out;              // for the wire
  Batch queued;           // requests that wait for `ready`
  ReplyProgress reply;    // in the reply of the first pending request
  OpenGet open_get;
  Block* cut_line = nullptr;  // of a reply to folded gets, as far as it has come; owned
  Nanos connect_deadline = kNever;
  Nanos retired_at = kNever;  // the server has another address since then
  u64 sent_bytes = 0;         // since the connection was opened
  SendTimes send_times;
  ServerStats* stats = nullptr;  // its server's, which outlive all that is counted in them
  u32 shown_pending = 0;         // what ServerStats has of this connection
  u32 shown_unsent = 0;
  u64 shown_bytes = 0;
  Nanos ready_at = 0;
  Nanos last_received = 0;   // when the server last said anything
  Nanos front_progress = 0;  // when bytes of the first pending request last moved, either way

  // Takes no further requests, and closes when nobody waits for those it has.
  bool retired() const { return retired_at != kNever; }
  // All that is to come on it, if anything, are replies nobody waits for.
  bool over() const { return retired() && first_live == kNone; }
};

[[nodiscard]] inline u32 lane_count(const PoolConfig& pool) {
  return pool.server_connections + 1;
}

// What the unfinished reply is known to go on for, bytes.
[[nodiscard]] inline u64 announced_bytes(const BackendConnection& connection) {
  return connection.protocol == Protocol::redis ? connection.reply.redis.bulk_left
                                                : connection.reply.memcached.bulk_left;
}

// The connection that a client's commands to a backend go through: always the same one of several,
// so that they never overtake each other (but see bypass.h). Opens it if there is none. kNone: it
// cannot be opened, or the server is out of service; failure says why, and refusal_line() says it
// to the client.
[[nodiscard]] u32 connection_for(Context& context, u16 pool, u32 backend, u32 client,
                                 Failure& failure);

// Opens a connection that asks the server whether it is there, in the place of any that may still
// be open. None when it is under way, else why not even that can be done now.
[[nodiscard]] Failure start_probe(Context& context, u16 pool, u32 backend);

// Opens what the pool wants to have open before the first request.
void preconnect_pool(Context& context, u16 pool);
void preconnect_server(Context& context, u16 pool, u32 backend);

// How long a request may take; 0: for ever.
[[nodiscard]] Nanos request_limit(const PoolConfig& pool);

// The server has moved (its name has a new address), or its address is known at last. New requests
// go to the new address; connections to the old one finish what they have and close.
void set_server_address(Context& context, u16 pool, u16 backend, const Address& address);

// Appends a request at the end of the connection's line. Its bytes are appended to request_batch()
// next.
void enqueue_for_backend(Context& context, u32 connection, u32 request);

// Where the next request's bytes will begin, counted from the connection's first byte.
[[nodiscard]] inline u64 end_of_requests(const BackendConnection& connection) {
  return connection.sent_bytes + connection.out.size() + connection.queued.size();
}

// Where the bytes of requests go.
[[nodiscard]] inline Batch& request_batch(BackendConnection& connection) {
  return connection.state == BackendState::ready ? connection.out : connection.queued;
}
void mark_backend_dirty(Context& context, u32 connection);

// The greeting is through: what was queued may go.
void become_ready(Context& context, u32 index);

void on_backend_connected(Context& context, u32 index, i32 result);
void on_backend_received(Context& context, u32 index, const Completion& completion);
void on_backend_sent(Context& context, u32 index, i32 result);

// Fails what waits on the connection and closes it. detail: the server's own words, if any.
void fail_connection(Context& context, u32 index, Failure failure, std::string_view detail = {});

// Answers what is past its deadline, and gives up connections that never came about. Returns the
// next deadline.
[[nodiscard]] Nanos expire_connection(Context& context, u32 index);

// What the end of a tick owes a connection: arming the receive again, freeing the slot.
void settle_connection(Context& context, u32 index);

// Replies.

// Takes received reply bytes apart and hands them to the requests that wait (backend_replies.cc).
// False when the stream is broken: the connection was failed.
bool take_replies(Context& context, u32 index, std::string_view bytes);

// Gives a request of the backend's line a reply made here, because the server's will not come or
// come too late. False: nobody waits for it.
bool answer_with_failure(Context& context, u32 request, std::string_view error_line);

}  // namespace ringfold
