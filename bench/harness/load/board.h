// Board: where the threads post what they saw in each second, for the progress line and the rows of
// --csv and --json. It is touched once a second and thread.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <vector>

#include "load/histogram.h"
#include "ringfold/base/ints.h"

namespace ringfold::load {

// One second of the measured time, all threads together. Latencies in nanoseconds, of the requests
// answered in that second.
struct SecondRow {
  u64 second = 0;  // 0 is the first
  u64 requests = 0;
  u64 faults = 0;
  double mean = 0;
  u64 p50 = 0;
  u64 p90 = 0;
  u64 p99 = 0;
  u64 p999 = 0;
  u64 max = 0;
};

class Board {
 public:
  explicit Board(u32 threads) : threads_(threads) {}

  // Each thread posts every second once, in order. Any thread.
  void post(u64 second, const Histogram& latencies, u64 faults);

  // No thread posts any more: what only some have posted, after the measured time, is complete.
  void close();

  // The seconds that all threads have posted, in order.
  std::vector<SecondRow> rows() const;
  bool latest(SecondRow& row) const;

  void count_filled(u64 keys) { filled_.fetch_add(keys, std::memory_order_relaxed); }
  u64 filled() const { return filled_.load(std::memory_order_relaxed); }

 private:
  struct Open {
    Histogram latencies;
    u64 faults = 0;
    u32 posts = 0;
  };

  void add_row(u64 second, const Open& open);

  const u32 threads_;
  std::atomic<u64> filled_{0};
  mutable std::mutex mutex_;
  std::map<u64, Open> open_;
  std::vector<SecondRow> rows_;
};

}  // namespace ringfold::load
