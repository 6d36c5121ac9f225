// Schedule: the times at which one thread's requests are due, in the open loop. It is fixed from
// the start and knows nothing of replies: a slow server changes no due time, so the time a request
// had to wait for its turn is part of its latency (no coordinated omission; Gil Tene, wrk2).
#pragma once

#include <cmath>

#include "load/plan.h"
#include "ringfold/base/prng.h"

namespace ringfold::load {

class Schedule {
 public:
  Schedule() : prng_(0) {}

  // Even: the requests of all threads together are due every 1 / rate seconds. Poisson: the gaps
  // are exponentially distributed, and the threads' processes sum to one of the whole rate.
  Schedule(Arrivals arrivals, double rate, u32 thread, u32 threads, u64 seed, Nanos start)
      : prng_(seed),
        arrivals_(arrivals),
        start_(start),
        gap_(1e9 * threads / rate),
        offset_(arrivals == Arrivals::even ? 1e9 * thread / rate : 0) {
    if (arrivals_ == Arrivals::poisson) advance();
    next_ = start_ + static_cast<Nanos>(offset_);
  }

  Nanos next() const { return next_; }

  void advance() {
    if (arrivals_ == Arrivals::even) {
      ++count_;
      next_ = start_ + static_cast<Nanos>(offset_ + static_cast<double>(count_) * gap_);
      return;
    }
    const double unit = static_cast<double>(prng_.next() >> 11) * 0x1p-53;
    offset_ -= gap_ * std::log(1 - unit);
    next_ = start_ + static_cast<Nanos>(offset_);
  }

 private:
  Prng prng_;
  Arrivals arrivals_ = Arrivals::even;
  Nanos start_ = 0;
  double gap_ = 0;
  double offset_ = 0;
  u64 count_ = 0;
  Nanos next_ = kNever;
};

}  // namespace ringfold::load
