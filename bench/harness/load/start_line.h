// StartLine: where the threads wait until all are connected and have filled, so that they measure
// the same time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>

#include "ringfold/base/ints.h"

namespace ringfold::load {

class StartLine {
 public:
  explicit StartLine(u32 threads) : missing_(threads) {}

  // Waits for the others. 0: one of them has failed; else the common start, a time of the ring.
  // Once a thread. error: why this thread cannot start; empty: it can.
  Nanos arrive(const std::string& error);

  // True when a thread has failed: nobody will start.
  bool is_called_off() const { return is_called_off_.load(std::memory_order_relaxed); }

  // Of the first thread that failed. Requires: all have arrived.
  const std::string& error() const { return error_; }

 private:
  std::mutex mutex_;
  std::condition_variable all_are_here_;
  std::atomic<bool> is_called_off_{false};
  u32 missing_;
  Nanos start_ = 0;
  std::string error_;
};

}  // namespace ringfold::load
