// Request: one command in flight, from parsed to answered. It stands in two lines: in its client's,
// which is the order of the replies, and in its backend connection's, which is the order in which
// the server answers.
//
//   client:   first -> ... -> last         replies leave at the front, when they are ready
//   backend:  first -> ... -> last         replies arrive for the front
//
// A slot is free when it stands in neither. A request whose client is gone has client == kNone
// (orphaned); one whose client was answered without waiting for the server (timed out) stays in the
// backend's line only, and its reply is dropped.
//
// Members of a union with the note `answered` hold that from the moment the request is ready and in
// no backend's line; never in one that is expired.
#pragma once

#include "core/stats.h"
#include "ringfold/base/ints.h"
#include "ringfold/base/slab.h"
#include "ringfold/mem/block_pool.h"
#include "ringfold/proto/command.h"
#include "ringfold/proto/memcached.h"

namespace ringfold {

enum class RequestKind : u8 {
  single,     // goes to one server; the server's reply is the client's reply
  local,      // answered by the proxy; only in the client's line
  parent,     // split or sent to all; only in the client's line
  child,      // a parent's part for one server; only in the backend's line
  handshake,  // the proxy's own AUTH or SELECT; only in the backend's line
};

// How long a request took on its way, once its reply is there.
struct RequestStages {
  Stamp waiting;
  Stamp serving;
};

// One cache line, so that the two lines it stands in cost one miss at most.
struct alignas(64) Request {
  union {
    u32 next_in_client = kNone;
    u32 slab_next;
  };
  union {
    u32 next_in_backend = kNone;
    u32 served_by;  // answered: the backend that did; kNone: several, or none
  };
  u32 client = kNone;
  u32 parent = kNone;  // child: its parent's slot
  union {
    u16 ordinal = 0;  // child: its place among the parent's children; handshake: its Greeting
    u16 command;      // single, parent: the place of its row in the protocol's command_table()
  };
  RequestKind kind = RequestKind::single;
  Merge merge = Merge::none;  // parent: how its children's replies become one
  memcached::ReplyShape shape = memcached::ReplyShape::line;  // memcached: of the server's answer
  memcached::Quiet quiet = memcached::Quiet::none;  // memcached: what the client must not see of it
  bool in_client : 1 = false;                       // stands in the client's line
  bool in_backend : 1 = false;                      // stands in the backend's line
  bool ready : 1 = false;      // the reply is complete: in `reply`, or to be merged from `fanout`
  bool streaming : 1 = false;  // part of the reply is with the client already
  bool expired : 1 = false;    // past its deadline: answered with an error
  bool closes : 1 = false;     // the client is closed behind this reply
  CommandGroup group = CommandGroup::other;
  u32 taken_at = 0;    // the client's taken_bytes when it was taken
  Stamp received = 0;  // when it was dispatched
  union {
    Nanos deadline = kNever;
    Stamp answered;  // answered: when
  };
  union {
    u64 begins_at = 0;     // where its bytes begin, counted from the connection's first byte
    RequestStages stages;  // answered
  };
  Block* reply = nullptr;  // what has arrived of it, in one piece; owned
  union {
    Block* fanout = nullptr;  // parent: holds its Fanout; owned
    Block* folded_keys;       // single: the keys of the gets folded from here on; owned
  };
};
static_assert(sizeof(Request) == 64);

}  // namespace ringfold
