// UringWatches: which descriptors are watched for their end beside being received from.
//
// A multishot receive can miss the end of its socket for good: data and a reset come in the moment
// in which the receive is armed, the data is delivered, and nothing wakes it again. Seen on
// Linux 6.18: six times in about a million connections that spoke and reset at once
// (ring_end_test.cc). The owner would keep such a socket for ever. So a poll for errors and
// hang-ups, which data does not wake, stands beside the first receive of each descriptor. When it
// completes, the receive is cancelled; armed again by its owner, it finds the end at once.
#pragma once

#include <vector>

#include "ringfold/base/ints.h"
#include "ringfold/io/ring.h"

namespace ringfold {

class UringWatches {
 public:
  // A receive is armed on fd. True: so must be a poll, named watch (less than 2^56); else there is
  // one already.
  [[nodiscard]] bool begin(int fd, UserData receive, u64& watch);

  // fd is about to be closed. True: the poll named watch is still armed and must be removed.
  [[nodiscard]] bool end(int fd, u64& watch);

  // The poll named watch completed: result is what it found, or an error. True: receive, if there
  // is still one, might never complete by itself.
  [[nodiscard]] bool on_completion(u64 watch, i32 result, UserData& receive);

 private:
  struct Watch {
    UserData receive;    // the last one that was armed
    u32 generation = 0;  // 24 bits; counts the closes of the descriptor
    bool armed = false;
  };

  std::vector<Watch> watches_;  // by descriptor
};

}  // namespace ringfold
