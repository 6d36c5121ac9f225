// Which ring the workers live by: what the configuration asks for against what this machine allows.
#pragma once

#include <memory>
#include <string>

#include "ringfold/base/error.h"
#include "ringfold/config.h"
#include "ringfold/io/ring.h"

namespace ringfold {

// What a machine offers.
struct IoOffer {
  UringFeatures uring;
  EpollFeatures epoll;
};

[[nodiscard]] IoOffer probe_io();

struct IoChoice {
  IoOffer offer;
  bool is_epoll = false;
  bool may_change = false;  // io = "auto" has taken io_uring, and may still take epoll
  std::string refusal;      // io = "auto" has taken epoll: why not io_uring, and what to do
  RingOptions ring;         // the sizes of each worker's; as they come, but for tests
};

// Fails where wanted is uring and the machine has none: why, and what to do.
[[nodiscard]] Expected<IoChoice> choose_io(IoKind wanted, const IoOffer& offer);

// Takes epoll after all: the probe succeeded, and yet a worker's ring could not be opened, for want
// of locked memory for example. Requires: choice.may_change.
void fall_back(IoChoice& choice, const std::string& refusal);

// "io_uring" or "epoll".
[[nodiscard]] inline const char* io_name(const IoChoice& choice) {
  return choice.is_epoll ? "epoll" : "io_uring";
}

// One line for the log, a warning if choice.refusal is not empty: which ring, and why.
[[nodiscard]] std::string describe(const IoChoice& choice);

[[nodiscard]] Expected<std::unique_ptr<Ring>> open_ring(const RingOptions& options,
                                                        const IoChoice& choice);

}  // namespace ringfold
