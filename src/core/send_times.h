// SendTimes: when the bytes of a server connection were handed to its socket, so that a request
// whose reply has come knows how long it had waited before. Asked in the order of the requests.
#pragma once

#include <array>

#include "core/histogram.h"

namespace ringfold {

class SendTimes {
 public:
  // All bytes up to `end`, counted from the connection's first, have been handed over by now.
  // When too many sends wait for answers every two neighbours become one, with the time of the
  // first: that is exact to a thirtieth of how long the server has not answered.
  void note(u64 end, Stamp now) {
    // What the kernel did not take at first goes again, and was handed over when it went first.
    if (count_ > first_ && sends_[count_ - 1].end >= end) return;
    if (count_ == sends_.size()) make_room();
    sends_[count_++] = {end, now};
  }

  // When the byte was handed over; `now` if it was not. Times of bytes before it may be forgotten.
  [[nodiscard]] Stamp find(u64 byte, Stamp now) {
    while (first_ < count_ && sends_[first_].end <= byte) ++first_;
    if (first_ < count_) return sends_[first_].time;
    first_ = 0;
    count_ = 0;
    return now;
  }

  // The same in any order; forgets nothing.
  [[nodiscard]] Stamp peek(u64 byte, Stamp now) const {
    for (u32 i = first_; i < count_; ++i) {
      if (sends_[i].end > byte) return sends_[i].time;
    }
    return now;
  }

  void clear() {
    first_ = 0;
    count_ = 0;
  }

 private:
  struct Send {
    u64 end = 0;
    Stamp time = 0;
  };

  void make_room() {
    const u32 step = first_ > 0 ? 1 : 2;
    u32 kept = 0;
    for (u32 i = first_; i < count_; i += step) {
      const u64 end = sends_[i + step - 1 < count_ ? i + step - 1 : i].end;
      sends_[kept++] = {end, sends_[i].time};
    }
    first_ = 0;
    count_ = kept;
  }

  u32 first_ = 0;
  u32 count_ = 0;
  std::array<Send, 32> sends_ = {};
};

}  // namespace ringfold
