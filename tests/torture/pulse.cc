#include "pulse.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>

namespace ringfold::torture {

namespace {

constexpr Nanos kBetween = 50 * kMillisecond;

}  // namespace

Nanos clock_now() {
  timespec time = {};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

Pulse::Pulse() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  ::sched_getaffinity(0, sizeof allowed, &allowed);
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &allowed)) continue;
    Beat& beat = *beats_.emplace_back(std::make_unique<Beat>());
    beat.at = clock_now();
    beat.thread = std::jthread([&beat, processor](const std::stop_token& stop) {
      cpu_set_t own;
      CPU_ZERO(&own);
      CPU_SET(processor, &own);
      ::pthread_setaffinity_np(::pthread_self(), sizeof own, &own);
      while (!stop.stop_requested()) {
        const timespec pause = {0, kBetween};
        ::clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
        beat.at.store(clock_now(), std::memory_order_relaxed);
      }
    });
  }
}

Pulse::~Pulse() = default;

Nanos Pulse::last_beat() const {
  Nanos earliest = clock_now();
  for (const auto& beat : beats_) {
    earliest = std::min(earliest, beat->at.load(std::memory_order_relaxed));
  }
  return earliest;
}

}  // namespace ringfold::torture
