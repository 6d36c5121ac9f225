// The supervisor's clock, and how long poll() may wait by it.
#pragma once

#include <time.h>

#include <algorithm>

#include "ringfold/base/ints.h"

namespace ringfold {

// A clock that never goes back.
[[nodiscard]] inline Nanos monotonic_now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<Nanos>(time.tv_sec) * kSecond + time.tv_nsec;
}

// For poll(): milliseconds until the deadline, rounded up so that it has passed when poll()
// returns; -1: no deadline. A far one is cut to an hour, after which the caller looks again.
[[nodiscard]] inline int poll_timeout(Nanos deadline, Nanos now) {
  constexpr Nanos kLongest = 3600 * kSecond;
  if (deadline == kNever) return -1;
  if (deadline <= now) return 0;
  return static_cast<int>((std::min(deadline - now, kLongest) + kMillisecond - 1) / kMillisecond);
}

}  // namespace ringfold
