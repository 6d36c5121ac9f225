// Stats: the numbers that workers write and the admin side reads, in blocks: one for each worker,
// for each pool of a worker, and for each server of a pool of a worker. A block begins on a cache
// line of its own, so that two workers never write to the same one.
//
// Owner: StatsBlocks (stats_blocks.h), as long as the process lives: a block outlives the
// configuration that needed it, so neither a worker nor a reader ever holds a dangling pointer.
// Written by its worker only, read by any thread at any time.
#pragma once

#include <array>
#include <vector>

#include "core/error_text.h"
#include "core/histogram.h"
#include "core/hot_keys.h"
#include "ringfold/base/ints.h"

namespace ringfold {

enum class CommandGroup : u8 { read, write, other };
inline constexpr std::size_t kCommandGroups = 3;

// What a client was refused, or closed for, that has nothing to do with a server.
enum class ClientError : u8 {
  protocol,         // what it sent is not the protocol: closed
  command,          // no such command, or not with these arguments
  unsupported,      // a command that is not served
  keys_apart,       // the keys of a command are on several servers
  unauthenticated,  // it has not given the password
  memory,           // memory_limit is near: the request was refused
  turned_away,      // client_connections, or the worker's table, is full: closed
  output_limit,     // client_output_limit: closed
  memory_limit,     // it held most when memory_limit was reached: closed
  idle,             // client_idle_timeout_ms: closed
  cut_off,          // its reply broke off in the middle: closed
  no_request_slot,  // the worker's table of requests is full: closed
};
inline constexpr std::size_t kClientErrors = 12;

// As labels and JSON name it.
[[nodiscard]] const char* name_of(ClientError error);

inline constexpr std::size_t kFailures = static_cast<std::size_t>(Failure::keys_moved) + 1;
[[nodiscard]] const char* name_of(Failure failure);

template <class Enum, std::size_t count>
class CounterSet {
 public:
  Counter& operator[](Enum which) { return counters_[static_cast<std::size_t>(which)]; }
  u64 get(std::size_t which) const { return counters_[which].get(); }

 private:
  std::array<Counter, count> counters_;
};

struct alignas(64) WorkerStats {
  Counter ticks;
  Counter completions;
  Counter sends;
  Counter no_buffer;             // receives that ended for want of a buffer
  Counter completion_overflows;  // of the ring
  Counter events_dropped;        // of the outbox
  Counter accept_pauses;
  Counter slow_requests;
  Counter slow_requests_dropped;
  // States, as of the last tick.
  Counter clients;
  Counter block_bytes;
  Counter request_bytes;
  Counter client_bytes;
  Counter receive_buffer_bytes;
  Counter pressure;  // a Pressure
};

struct alignas(64) PoolStats {
  std::array<Counter, kCommandGroups> requests;  // that went into a client's line
  Counter abandoned;  // of these, the client left before the reply was handed to its socket
  Counter fragments;  // children
  Counter bytes_received;
  Counter bytes_sent;
  Counter clients;  // a state
  Counter clients_accepted;
  Counter clients_closed;  // by themselves
  Counter clients_broken;
  Counter client_pauses;
  Counter client_throttles;
  CounterSet<ClientError, kClientErrors> errors;
  std::array<Histogram, kCommandGroups> latency;
  Histogram writing;
  HotKeys hot_keys;
};

struct alignas(64) ServerStats {
  std::array<Counter, kCommandGroups> requests;  // first put into a line
  Counter replies;
  Counter dropped_replies;
  Counter bytes_sent;
  Counter bytes_received;
  Counter timeouts;
  Counter failures;
  Counter ejections;
  Counter returns;
  Counter connects;
  Counter closed_by_server;
  Counter broken_connections;
  Counter resends;
  // States.
  Counter health;      // a HealthState
  Counter ejected_at;  // Ring::now() of the ejection
  Counter connections;
  Counter pending;
  Counter unsent;  // of those pending, wait for a connection to be ready
  Counter unsent_bytes;
  CounterSet<Failure, kFailures> errors;
  std::array<Histogram, kCommandGroups> waiting;
  std::array<Histogram, kCommandGroups> serving;
};

// What a snapshot gives to a worker. Never null.
struct PoolBlocks {
  PoolStats* pool = nullptr;
  std::vector<ServerStats*> servers;  // in configuration order
};

struct WorkerBlocks {
  WorkerStats* worker = nullptr;
  std::vector<PoolBlocks> pools;  // in configuration order
};

[[nodiscard]] inline std::size_t index_of(CommandGroup group) {
  return static_cast<std::size_t>(group);
}

}  // namespace ringfold
