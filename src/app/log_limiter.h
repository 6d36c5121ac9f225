// Keeps one kind of trouble that comes again and again from filling the log: of lines that differ
// in numbers only, so many are written within a span of time, and then one line that says how many
// more there were. Used by the supervisor's thread, for what workers say.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/ints.h"
#include "ringfold/config.h"

namespace ringfold {

class LogLimiter {
 public:
  static constexpr u32 kLinesMax = 10;           // of one kind in one span
  static constexpr Nanos kSpan = 10 * kSecond;   // from the first line of a kind
  static constexpr std::size_t kKindsMax = 256;  // at once; lines beyond count as one kind

  // What stands for lines that were left out.
  struct Summary {
    LogLevel level = LogLevel::info;
    std::string text;
  };

  // Whether the line is to be written.
  [[nodiscard]] bool admit(LogLevel level, std::string_view text, Nanos now);

  // Ends the spans that are over by now.
  [[nodiscard]] std::vector<Summary> take_summaries(Nanos now);

  // When take_summaries() will have something to do: never later than that; kNever: there is none.
  Nanos due() const { return due_; }

 private:
  struct Kind {
    Nanos end = 0;
    u32 written = 0;
    u64 left_out = 0;
    LogLevel level = LogLevel::info;
    std::string last = {};  // of those left out
  };

  std::map<std::string, Kind, std::less<>> kinds_;
  Nanos due_ = kNever;
};

}  // namespace ringfold
