// Client: one downstream connection. Bytes become requests (client_stream.cc), replies become bytes
// in the order of the requests (client_replies.cc), and closing is a state that ends when the
// kernel has let go (client.cc).
//
//   open --EOF, QUIT, protocol error, drain--> draining --all answered and sent--> lingering -->
//   closing --> free
//     \------------------------------ error, limit
//     ------------------------------------------------^
#pragma once

#include <array>
#include <string_view>

#include "core/request.h"
#include "ringfold/base/ints.h"
#include "ringfold/base/limits.h"
#include "ringfold/config.h"
#include "ringfold/io/ring.h"
#include "ringfold/mem/batch.h"
#include "ringfold/proto/protocol.h"

namespace ringfold {

struct Context;

enum class ClientState : u8 {
  free,
  open,       // reads requests
  draining,   // reads no further request; what was asked is still answered
  lingering,  // all is sent and our side is closed; waits for the peer's side, so that no reset
              // eats the last reply
  closing,    // waits for the kernel to end its operations
};

// How large a client's replies are, of late: from that follows how many it may wait for.
struct ReplyFlow {
  u32 asked = 0;     // commands that went into the client's line; wraps
  u32 answered = 0;  // of those, when bytes were last counted; wraps
  u32 replies = 0;   // of late
  u32 pipeline_max = kClientPipelineStart;
  u64 bytes = 0;  // of late
};

// Replies that wait behind a send in flight, to be counted when they are handed to the socket.
// Those that leave together are counted as if all had been completed, and received, at the mean of
// their times: the sums are exact, a single duration is off by less than the one send.
struct UnwrittenReplies {
  u32 total = 0;
  std::array<u32, kCommandGroups> counts = {};
  Stamp base = 0;                                 // when the first of them came
  std::array<i64, kCommandGroups> received = {};  // sums of how long before `base` that was
  i64 answered = 0;                               // of how long behind it
};

struct Client {
  u32 slab_next = kNone;
  i32 fd = -1;
  u32 generation = 0;  // 24 bits; counts the uses of the slot
  u16 pool = 0;
  Protocol protocol = Protocol::redis;
  ClientState state = ClientState::free;
  u8 operations = 0;           // in the kernel: a receive and a send at most
  bool receiving : 1 = false;  // a receive is armed
  bool starved : 1 = false;    // the receive ended for want of a buffer
  bool sending : 1 = false;    // a send is in flight
  bool dirty : 1 = false;      // stands in the writer's list
  bool queued : 1 = false;  // stands in the context's list of clients to look at when the tick ends
  bool paused : 1 = false;  // not read until it has taken what it asked for
  bool throttled : 1 = false;      // a server it asked has enough to do; it is paused for that
  bool end_of_stream : 1 = false;  // the peer has closed its side
  bool leaving : 1 = false;        // closes when what it has sent so far is answered
  bool authenticated : 1 = false;
  bool is_fresh : 1 = false;  // nothing was under way when the present request came
  u32 armed_at = 0;           // Context::buffers_released when the receive was armed
  u32 first_request = kNone;
  u32 last_request = kNone;
  u32 request_count = 0;
  u32 bypassed = kNone;  // the backend whose bypass its requests take
  u32 taken_bytes = 0;   // of requests, since it came; wraps
  u32 tick = 0;          // the tick that tick_commands counts in
  u32 tick_commands = 0;
  ReplyFlow flow;
  UnwrittenReplies unwritten;
  Batch out;
  Block* carry =
      nullptr;  // received and not yet handled, behind a RequestFrame (client_stream.cc); owned
  Block* name = nullptr;  // CLIENT SETNAME; owned
  u64 skip_bytes = 0;     // of a refused request, still to come and to be dropped
  u64 id = 0;             // CLIENT ID; distinct in the process
  Nanos linger_deadline = kNever;
  Nanos last_active = 0;  // when it last said or was told something; kept with an idle timeout only
};

// The client said or was told something.
void note_active(Context& context, Client& client);

// A connection was accepted for a listener of this pool.
void accept_client(Context& context, u16 pool, int fd);

void on_client_received(Context& context, u32 index, const Completion& completion);
void on_client_sent(Context& context, u32 index, i32 result);

// Feeds received bytes through the parser; whole requests are dispatched, the rest is kept.
void feed_client(Context& context, u32 index, std::string_view bytes);

// Stops reading requests; the connection closes when everything asked for has been answered and
// sent. What is received and not dispatched is dropped.
void drain_client(Context& context, u32 index);

// The same, but requests that wait because the client is paused are still served.
void dismiss_client(Context& context, u32 index);

// Sends what is there and closes, because nothing that could follow would be right: a reply broke
// off in its middle.
void cut_off_client(Context& context, u32 index);

// Closes the clients that have said nothing for client_idle_timeout_ms and wait for nothing.
// Returns when to look again.
[[nodiscard]] Nanos close_idle_clients(Context& context);

// Drops the connection and whatever it still waits for. The slot is freed when the kernel has let
// go.
void abort_client(Context& context, u32 index);

// What the end of a tick owes a client: reading on, arming the receive again, the next step of
// closing.
void settle_client(Context& context, u32 index);

// Replies.

// Puts a request at the end of the client's line.
void enqueue_for_client(Context& context, u32 index, u32 request);

// Answers the command that is being dispatched, in its turn.
void reply_here(Context& context, u32 index, std::string_view reply);

// Sends what is ready at the front of the line on its way.
void deliver_replies(Context& context, u32 index);

// Bytes were appended to the client's batch.
void client_output_grew(Context& context, u32 index);

}  // namespace ringfold
