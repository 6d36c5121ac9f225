// The command line of `ringfold-bench load`: which flags there are, and what they ask for.
#pragma once

#include <string>
#include <vector>

#include "load/plan.h"

namespace ringfold::load {

// The words as they were given; plans() makes sense of them.
struct CommandLine {
  std::string target;  // HOST:PORT, [HOST]:PORT or unix:PATH
  std::string host = "127.0.0.1";
  u16 port = 0;  // 0: the protocol's own
  std::string socket;
  std::string protocol = "redis";
  std::string user;
  std::string password;
  std::string credentials;  // USER:PASSWORD or PASSWORD, as in memtier_benchmark
  u32 database = 0;
  std::string io = "auto";

  u32 connections = 50;
  u32 clients = 0;  // connections a thread, as in memtier_benchmark
  u32 threads = 1;
  u32 pipeline = 0;  // 0: 1 in the closed loop, 1024 in the open loop
  double rate = 0;
  double rate_limiting = 0;  // a connection, as in memtier_benchmark
  std::string arrivals = "poisson";

  std::string mix;
  std::string ratio;  // SET:GET, as in memtier_benchmark
  std::vector<std::string> commands;
  std::vector<u32> command_ratios;
  std::string tests;  // -t
  std::string replay;
  u64 keyspace = 100'000;
  std::string key_prefix = "load:";
  std::string distribution = "uniform";
  std::string key_pattern;  // R:R, as in memtier_benchmark
  std::string size = "32";
  u64 value_seed = 1;
  double hit_ratio = -1;  // negative: not given
  bool fill = false;
  bool allow_misses = false;

  double warm_up = 0;
  double seconds = 0;
  u64 requests = 0;
  u64 seed = 1;

  bool quiet = false;
  std::string json;
  std::string hdr;
  std::string csv;
};

// What to print instead of running, and the exit code: the help, or a complaint.
struct EarlyEnd {
  int code = 0;
  std::string text;
};

[[nodiscard]] tl::expected<CommandLine, EarlyEnd> parse_command_line(int argument_count,
                                                                     const char* const* arguments);

// The runs that are asked for, in order: one, or with -t one a test. Resolves the target's name.
[[nodiscard]] Expected<std::vector<Plan>> make_plans(const CommandLine& line);

}  // namespace ringfold::load
