// Connection: one socket of the load generator and the requests that wait on it.
#pragma once

#include "load/pending.h"
#include "ringfold/base/ints.h"
#include "ringfold/mem/batch.h"
#include "ringfold/proto/memcached.h"
#include "ringfold/proto/resp.h"

namespace ringfold::load {

enum class Stage : u8 {
  closed,  // no socket; another try at retry_at
  connecting,
  greeting,  // AUTH and SELECT are under way
  ready,
  closing,  // the kernel still holds operations
};

struct Connection {
  int fd = -1;
  u32 generation = 0;
  Stage stage = Stage::closed;
  bool is_sending = false;
  bool is_dirty = false;   // it stands in the list of those to flush
  bool is_listed = false;  // it stands in the list of the idle
  u8 operations = 0;       // in the kernel
  u8 greetings_left = 0;   // replies
  Nanos retry_at = 0;
  Batch out;
  PendingLine line;
  Block* carry = nullptr;  // the start of a reply that is not whole yet
  resp::ReplyFrame redis_reply;
  memcached::ReplyFrame memcached_reply;
};

}  // namespace ringfold::load
