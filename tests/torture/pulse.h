// Notices when the machine stands still, or one of its processors does: that is nobody's fault, but
// looks like one. A thread on each processor beats all the time.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "ringfold/base/ints.h"

namespace ringfold::torture {

class Pulse {
 public:
  Pulse();
  ~Pulse();
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  // The time (CLOCK_MONOTONIC) since when every processor has been beating.
  [[nodiscard]] Nanos last_beat() const;

 private:
  struct Beat {
    std::atomic<Nanos> at;
    std::jthread thread;
  };

  std::vector<std::unique_ptr<Beat>> beats_;
};

Nanos clock_now();

}  // namespace ringfold::torture
