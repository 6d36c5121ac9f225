// What `ringfold top` makes of /stats: one reading, and what happened between two of them. Pure
// functions over values; the shape of /stats is in the README.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/error.h"
#include "ringfold/base/ints.h"

namespace ringfold::top {

// Counts of values by the upper bound of their bucket, in seconds.
using Histogram = std::map<double, u64>;

struct Percentiles {
  std::optional<double> p50 = {};  // seconds; nothing: there were no values
  std::optional<double> p99 = {};
  std::optional<double> p999 = {};
};

// The bound that the part (0.99) of all values does not exceed.
[[nodiscard]] std::optional<double> percentile(const Histogram& histogram, double part);

// What was added since before.
[[nodiscard]] Histogram added(const Histogram& now, const Histogram& before);

struct ServerReading {
  std::string name;
  std::string address;
  std::string state;
  double key_share = 0;
  u64 connections = 0;
  u64 pending = 0;
  u64 requests = 0;
  u64 errors = 0;
  Histogram waiting = {};
  Histogram serving = {};
};

struct PoolReading {
  std::string name;
  std::string protocol;
  u64 clients = 0;
  u64 bytes_received = 0;
  u64 bytes_sent = 0;
  u64 requests = 0;
  std::map<std::string, u64> errors = {};  // by reason
  Histogram latency = {};
  Histogram writing = {};
  std::vector<ServerReading> servers = {};

  [[nodiscard]] u64 all_errors() const;
};

struct SlowReading {
  std::string pool;
  std::string server;
  std::string command;
  std::string key_prefix;
  double total_seconds = 0;
  double waiting_seconds = 0;
  double serving_seconds = 0;
  double writing_seconds = 0;
};

struct HotKeyReading {
  std::string pool;
  std::string key_prefix;
  double share = 0;
};

struct Reading {
  std::string version;
  u64 pid = 0;
  double uptime_seconds = 0;
  std::string io;
  u64 threads = 0;
  bool is_draining = false;
  double cpu_seconds = 0;
  u64 memory_bytes = 0;
  std::string pressure;
  std::vector<PoolReading> pools;
  std::vector<SlowReading> slow;
  std::vector<HotKeyReading> hot_keys;  // those that surely are; the hottest of all first
};

// The error says what is wrong with the text.
[[nodiscard]] Expected<Reading> parse_reading(const std::string& json);

// The pool or server of that name, or nullptr.
[[nodiscard]] const PoolReading* find(const Reading& reading, std::string_view pool);
[[nodiscard]] const ServerReading* find(const PoolReading& pool, std::string_view server);

}  // namespace ringfold::top
