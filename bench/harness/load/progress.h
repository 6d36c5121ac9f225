// Progress: one line on a terminal, written over each second.
#pragma once

#include <string>

#include "load/board.h"
#include "load/plan.h"

namespace ringfold::load {

class Progress {
 public:
  Progress(const Plan& plan, const Board& board, bool is_shown)
      : plan_(plan), board_(board), is_shown_(is_shown) {}

  // Writes the line if there is something new to say.
  void show();
  void clear();

 private:
  std::string before_the_first_second() const;

  const Plan& plan_;
  const Board& board_;
  const bool is_shown_;
  std::string shown_;
  u64 requests_ = 0;
  u64 seconds_seen_ = 0;
};

// The line for a second: "  12 s  105,234/s  p50 0.41 ms  ...". done: requests so far.
[[nodiscard]] std::string progress_line(const Plan& plan, const SecondRow& row, u64 done);

}  // namespace ringfold::load
