// Context: everything that one worker owns, passed to every function of this layer. It decides
// nothing.
#pragma once

#include <atomic>
#include <deque>
#include <string>
#include <vector>

#include "core/backend.h"
#include "core/client.h"
#include "core/fanout_state.h"
#include "core/key_prefixes.h"
#include "core/mailbox.h"
#include "core/pressure.h"
#include "core/request.h"
#include "core/snapshot.h"
#include "ringfold/base/limits.h"
#include "ringfold/base/prng.h"
#include "ringfold/base/slab.h"
#include "ringfold/hash/shard_map.h"
#include "ringfold/io/ring.h"
#include "ringfold/mem/block_pool.h"

namespace ringfold {

struct Pool {
  const PoolConfig* config = nullptr;
  PoolStats* stats = nullptr;
  u32 keys_to_sample = 1;  // with this many keys more the next sample is due
  const PoolAddresses* addresses = nullptr;
  ShardMap shards;
  std::vector<Backend> backends;             // in configuration order, as ShardMap counts them
  std::vector<int> listeners;                // descriptors; -1: closed
  std::atomic<u32>* client_count = nullptr;  // of all workers; nullptr: client_connections is 0
};

struct LingeringClient {
  u32 index;
  u32 generation;
};

// slow_ms as stamps count; 0 is never.
[[nodiscard]] constexpr Stamp slow_min_of(u32 slow_ms) {
  return slow_ms == 0 ? UINT32_MAX : stamp_of(slow_ms * kMillisecond);
}

struct BackendName {
  u16 pool;
  u32 backend;
};

struct Context {
  Context(const Snapshot& snapshot_in, Ring& ring_in, Outbox& outbox_in, u32 worker_index_in,
          u64 seed)
      : snapshot(snapshot_in),
        ring(ring_in),
        outbox(outbox_in),
        worker_index(worker_index_in),
        prng(seed),
        stats(*snapshot_in.stats[worker_index_in].worker),
        slow_min(slow_min_of(snapshot_in.config.slow_ms)),
        key_prefixes(snapshot_in.config.slow_ms != 0 ? kRequestsPerWorkerMax : 0) {}

  const Snapshot& snapshot;
  Ring& ring;
  Outbox& outbox;
  const u32 worker_index;
  Prng prng;

  WorkerStats& stats;
  Stamp stamp = 0;       // of now(), taken once a tick
  const Stamp slow_min;  // a request that takes longer is slow
  KeyPrefixes key_prefixes;
  SlowQuota slow_quota;

  BlockPool blocks;
  Slab<Client> clients{kClientsPerWorkerMax};
  Slab<BackendConnection> connections{kBackendConnectionsPerWorkerMax};
  Slab<Request> requests{kRequestsPerWorkerMax};
  std::vector<Pool> pools;
  std::vector<BackendName> open_failures;  // whose Backend::open_failure is set

  // Sockets with bytes to send, flushed by the Writer when the tick ends.
  std::vector<u32> dirty_clients;
  std::vector<u32> dirty_connections;
  // Who needs a look when the tick ends, so that handlers never call each other in circles.
  std::vector<u32> settling_clients;
  std::vector<u32> settling_connections;
  // Whose receive ended for want of a buffer, until one is released.
  std::vector<u32> starved_clients;
  std::vector<u32> starved_connections;
  u32 buffers_released = 0;  // a count that may wrap; told apart, never compared by size
  // Lingering clients, the oldest first: all linger equally long. Those that have closed by
  // themselves stay in it until it is their turn, and their slots may have other users by then.
  std::deque<LingeringClient> lingering_clients;

  u32 tick = 0;  // counts the turns; wraps
  // Clients that had their share of this tick and go on in the next one.
  std::vector<u32> spent_clients;

  // Clients that are not read because a server they asked has enough to do.
  std::vector<u32> throttled_clients;
  bool throttle_ended = false;  // one of those servers has caught up
  Pressure pressure = Pressure::none;
  u64 memory_share = 0;  // of memory_limit; 0: no limit

  // The shortest client_idle_timeout_ms of any pool; kNever: there is none.
  Nanos idle_timeout = kNever;
  Nanos next_idle_look = kNever;

  // No deadline of any connection is earlier than this.
  Nanos next_deadline = kNever;
  // The next wait returns at once, because something goes on as soon as what it submits is sent.
  bool wait_is_short = false;
  bool draining = false;
  u64 clients_accepted = 0;

  // Scratch space, reused so that the data path does not allocate. Valid until the next use.
  std::string reply_text;                        // replies made here
  std::string inline_request;                    // an inline command in array form
  SplitPlan split;                               // fan-out: where each key goes
  std::vector<resp::ReplyCursor> child_cursors;  // merge by key: the rest of each child's reply
  std::vector<ValuePosition> child_values;       // likewise, memcached

  Nanos now() const { return ring.now(); }
};

// A fresh request, or kNone when the worker's table is full.
[[nodiscard]] inline u32 take_request(Context& context, RequestKind kind) {
  const u32 index = context.requests.take();
  if (index == kNone) return kNone;
  Request& request = context.requests[index];
  request = Request{};
  request.kind = kind;
  return index;
}

// Frees the slot unless a line still holds the request.
void release_request_if_done(Context& context, u32 index);

inline void queue_for_settling(Context& context, u32 index, Client& client) {
  if (client.queued) return;
  client.queued = true;
  context.settling_clients.push_back(index);
}

inline void queue_for_settling(Context& context, u32 index, BackendConnection& connection) {
  if (connection.queued_for_settling) return;
  connection.queued_for_settling = true;
  context.settling_connections.push_back(index);
}

// True when arming the receive again would only fail again: it found no buffer, and none has come
// back since it was armed. We hold none when a tick ends, so those it waits for come with
// completions that are still to be delivered, and releasing one of them brings it back.
template <class Connection>
[[nodiscard]] bool must_wait_for_buffer(const Context& context, Connection& connection) {
  if (!connection.starved) return false;
  if (connection.armed_at == context.buffers_released) return true;
  connection.starved = false;
  return false;
}

}  // namespace ringfold
