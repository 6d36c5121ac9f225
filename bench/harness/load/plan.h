// Plan: everything a run is about, worked out from the command line and immutable from then on. The
// threads share it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/io_choice.h"
#include "load/key_chooser.h"
#include "load/recipe.h"
#include "load/replay.h"
#include "load/values.h"
#include "ringfold/config.h"
#include "ringfold/io/address.h"

namespace ringfold::load {

enum class Arrivals : u8 { poisson, even };

struct Plan {
  std::string name;  // of the run, where there are several (-t); else empty
  Protocol protocol = Protocol::redis;
  Endpoint target;
  Address address;
  std::string user;
  std::string password;
  u32 database = 0;

  u32 connections = 50;  // of all threads together
  u32 threads = 1;
  u32 depth = 1;    // requests under way on one connection, at most
  double rate = 0;  // requests a second of all threads together; 0: closed loop
  Arrivals arrivals = Arrivals::poisson;

  std::vector<Recipe> recipes;  // the mix; a replay is one recipe
  std::vector<Recipe> fills;    // what --fill sends for every key; empty: nothing
  std::shared_ptr<const Replay> replay;
  u64 keyspace = 100'000;
  DistributionSpec distribution;
  double hit_ratio = 1;  // of the keys of reads, how many lie in the key space
  // A miss of a key that lies in the key space counts as a fault.
  bool misses_are_faults = false;
  std::shared_ptr<const Values> values;

  double warm_up = 0;  // seconds
  double seconds = 0;  // 0: no limit
  u64 requests = 0;    // 0: no limit
  u64 seed = 1;
  IoChoice io;

  bool is_open_loop() const { return rate > 0; }
};

}  // namespace ringfold::load
