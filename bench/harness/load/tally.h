// Tally: what one thread has counted in the measured time.
#pragma once

#include <string>
#include <vector>

#include "load/histogram.h"
#include "ringfold/base/ints.h"

namespace ringfold::load {

// A reply that is not what its request must get, in words.
struct Fault {
  std::string what;
  std::string request;
  std::string expected;
  std::string got;
};

inline constexpr std::size_t kFaultsShown = 5;

// Requests are counted when they are answered; those of the warm-up and of --fill are not, but
// what is wrong with their replies is.
struct Tally {
  u64 requests = 0;           // answered, latency recorded
  u64 in_time = 0;            // of them, answered before the measured time was over
  u64 hits = 0;               // keys
  u64 misses = 0;             // keys, also those that had to miss
  u64 unexpected_misses = 0;  // keys that lie in the key space
  u64 errors = 0;             // error replies
  u64 mismatches = 0;         // replies that cannot be the answer to their request
  u64 lost = 0;               // requests whose connection broke
  u64 unanswered = 0;         // requests without a reply when the run had to end
  u64 unsent = 0;             // open loop: requests that were due and found no room to the end
  u64 connections_lost = 0;
  u64 bytes_sent = 0;
  u64 bytes_received = 0;
  Nanos late_sum = 0;  // open loop: how long after their time requests were sent
  Nanos late_max = 0;
  std::vector<Fault> faults;  // the first few

  void merge(const Tally& other);
  void add_fault(Fault fault) {
    if (faults.size() < kFaultsShown) faults.push_back(std::move(fault));
  }
};

}  // namespace ringfold::load
