// The clock of the real rings.
#pragma once

#include <time.h>

#include <algorithm>

#include "ringfold/base/ints.h"

namespace ringfold {

inline Nanos monotonic_now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return Nanos{time.tv_sec} * kSecond + time.tv_nsec;
}

// How long a wait() may block: kNever without a limit, 0 when the deadline had passed at tick_start
// (the ring's now()) already or has since.
inline Nanos time_until(Nanos deadline, Nanos tick_start) {
  if (deadline == kNever) return kNever;
  if (deadline <= tick_start) return 0;
  return std::max<Nanos>(0, deadline - monotonic_now());
}

}  // namespace ringfold
