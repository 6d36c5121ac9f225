// SendTimes: when the bytes of a server connection were handed to its socket, so that a request
// whose reply has come knows how long it had waited before. Asked in the order of the requests.
//
// While no more than 32 sends wait for answers each is known exactly. When there are more,
// neighbours become one, with the time of the first: then a byte is told to be earlier than it was,
// by a fifteenth at most of how long the server has not answered.
#pragma once

#include <algorithm>
#include <array>

#include "core/histogram.h"

namespace ringfold {

class SendTimes {
 public:
  // All bytes up to `end`, counted from the connection's first, have been handed over by now.
  void note(u64 end, Stamp now) {
    // What the kernel did not take at first goes again, and was handed over when it went first.
    if (count_ > first_ && sends_[count_ - 1].end >= end) return;
    if (count_ > first_ && in_last_ < stride_) {
      sends_[count_ - 1].end = end;
      ++in_last_;
      return;
    }
    if (count_ == sends_.size()) make_room();
    sends_[count_++] = {end, now};
    in_last_ = 1;
  }

  // When the byte was handed over; `now` if it was not. Times of bytes before it may be forgotten.
  [[nodiscard]] Stamp find(u64 byte, Stamp now) {
    while (first_ < count_ && sends_[first_].end <= byte) ++first_;
    if (first_ < count_) return sends_[first_].time;
    clear();
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
    stride_ = 1;
  }

 private:
  struct Send {
    u64 end = 0;
    Stamp time = 0;
  };

  void make_room() {
    if (first_ > 0) {
      std::copy(sends_.begin() + first_, sends_.begin() + count_, sends_.begin());
      count_ -= first_;
      first_ = 0;
      if (count_ <= sends_.size() / 2) stride_ = std::max(1u, stride_ / 2);
      return;
    }
    count_ = 0;
    for (std::size_t i = 0; i < sends_.size(); i += 2) {
      sends_[count_++] = {sends_[i + 1].end, sends_[i].time};
    }
    stride_ *= 2;
  }

  u32 first_ = 0;
  u32 count_ = 0;
  u32 stride_ = 1;   // so many sends are one
  u32 in_last_ = 0;  // of those, so many are in the last
  std::array<Send, 32> sends_ = {};
};

}  // namespace ringfold
