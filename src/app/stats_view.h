// StatsView: everything there is to say about the process at one moment, as plain values: filled by
// the StatsRegistry, turned into text by metrics.h and stats_json.h. Numbers of several workers are
// added up. All counts are since the start of the process; those of pools and servers go on over
// reloads as long as their names stay. Times are seconds.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/histogram.h"
#include "ringfold/base/ints.h"

namespace ringfold {

// By command group: read, write, other.
inline constexpr std::size_t kGroups = 3;
inline constexpr std::array<const char*, kGroups> kGroupNames = {"read", "write", "other"};
using GroupCounts = std::array<u64, kGroups>;
using GroupHistograms = std::array<HistogramCounts, kGroups>;

// Each reason that exists with its count, also those that never happened.
using ReasonCounts = std::vector<std::pair<const char*, u64>>;

struct ProcessView {
  double cpu_seconds = 0;
  u64 resident_bytes = 0;
  u64 open_descriptors = 0;
  u64 descriptors_max = 0;
};

struct MemoryView {
  u64 limit_bytes = 0;  // 0: none
  u64 blocks = 0;       // bytes of each account, of all workers
  u64 requests = 0;
  u64 clients = 0;
  u64 receive_buffers = 0;
  const char* pressure = "none";  // "none", "tight" or "dire": the worst of any worker

  [[nodiscard]] u64 in_use() const { return blocks + requests + clients + receive_buffers; }
};

struct WorkerView {
  u64 ticks = 0;
  u64 completions = 0;
  u64 requests = 0;
  u64 sends = 0;
  u64 no_buffer = 0;
  u64 completion_overflows = 0;
  u64 events_dropped = 0;
  u64 accept_pauses = 0;
  u64 clients = 0;
  u64 slow_requests = 0;
  u64 slow_requests_dropped = 0;
};

struct ServerView {
  std::string name;
  std::string address;
  u32 weight = 1;
  const char* state = "up";  // "up", "down" or "ejected": the worst of any worker
  u64 workers_up = 0;
  double key_share = 0;
  double ejected_at = 0;  // seconds since 1970; 0: it is not ejected
  u64 connections = 0;
  u64 pending = 0;
  u64 unsent = 0;  // of those pending: wait for the connection to be ready
  u64 unsent_bytes = 0;
  GroupCounts requests = {};
  u64 replies = 0;
  ReasonCounts errors;
  u64 bytes_sent = 0;
  u64 bytes_received = 0;
  u64 timeouts = 0;
  u64 failures = 0;
  u64 ejections = 0;
  u64 returns = 0;
  u64 connects = 0;
  u64 resends = 0;
  u64 dropped_replies = 0;
  u64 closed_by_server = 0;
  u64 broken_connections = 0;
  GroupHistograms waiting = {};
  GroupHistograms serving = {};
};

struct PoolView {
  std::string name;
  const char* protocol = "redis";
  std::vector<std::string> listen;
  u64 clients = 0;
  u64 clients_accepted = 0;
  u64 clients_closed = 0;  // by themselves
  u64 clients_broken = 0;  // with an error
  u64 client_pauses = 0;
  u64 client_throttles = 0;
  u64 bytes_received = 0;
  u64 bytes_sent = 0;
  u64 fragments = 0;
  u64 abandoned = 0;  // of the requests: the client left before its reply was on its way
  GroupCounts requests = {};
  ReasonCounts errors;  // of the client's side only
  GroupHistograms latency = {};
  HistogramCounts writing;
  std::vector<ServerView> servers;
};

// The errors of the pool and of its servers together, a reason once.
[[nodiscard]] ReasonCounts all_errors(const PoolView& pool);

struct SlowView {
  double time_unix_seconds = 0;
  u32 worker = 0;
  std::string pool;
  std::string server;  // empty: several, or none
  std::string command;
  std::string key_prefix;  // escaped; empty: the command has no key
  double total_seconds = 0;
  double waiting_seconds = 0;
  double serving_seconds = 0;
  double writing_seconds = 0;
};

struct HotKeyView {
  std::string key_prefix;  // escaped
  u64 count = 0;           // requests, estimated: too high by at most `error`
  u64 error = 0;
  double share = 0;  // of the pool's requests with a key
};

struct HotPoolView {
  std::string pool;
  u64 sampled = 0;
  std::vector<HotKeyView> keys;  // the hottest first
};

struct StatsView {
  std::string version;
  int pid = 0;
  double uptime_seconds = 0;
  double time_unix_seconds = 0;
  std::string host;
  std::string io;
  u32 threads = 1;
  bool draining = false;
  u64 reloads_succeeded = 0;
  u64 reloads_failed = 0;
  ProcessView process;
  MemoryView memory;
  std::vector<WorkerView> workers;
  std::vector<PoolView> pools;
  std::vector<SlowView> slow;  // the latest first
  bool hot_keys_enabled = false;
  u64 hot_keys_sample_every = 0;
  std::vector<HotPoolView> hot_keys;
};

}  // namespace ringfold
