// Universe: what everything in one simulated world shares: the virtual clock with its events, the
// dice, what was seen, the first failure and the trace. One thread; the same seed gives the same
// run to the byte.
#pragma once

#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "dice.h"
#include "ringfold/base/ints.h"
#include "sights.h"

namespace ringfold::sim {

inline constexpr Nanos kMicrosecond = 1000;

// Receives the events it has scheduled. Lives as long as the universe.
class EventTarget {
 public:
  virtual void on_event(u32 kind, u64 argument) = 0;

 protected:
  ~EventTarget() = default;
};

class Universe {
 public:
  explicit Universe(u64 seed) : dice(seed) {}

  Nanos now() const { return now_; }

  void after(Nanos delay, EventTarget& target, u32 kind, u64 argument = 0);

  // Runs the next event due at or before limit, if there is one; else moves the clock to limit
  // (unless that is kNever) and returns false.
  bool step(Nanos limit);

  // Lets time pass; events due on the way run.
  void elapse(Nanos span) {
    const Nanos end = now_ + span;
    while (step(end)) {
    }
  }

  // Records the first thing that went wrong and stops the run.
  void fail(std::string text);
  bool failed() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }

  // The trace is kept only where asked for: a failing seed is run again with it.
  bool tracing() const { return trace_max_ != 0; }
  void keep_trace(std::size_t lines, bool print) {
    trace_max_ = lines;
    print_trace_ = print;
  }
  void trace(std::string_view who, std::string_view what, std::string_view bytes = {});
  std::string trace_text() const;

  Dice dice;
  Sights sights;

  // Whoever drives the world sets how far a wait may move the clock; whoever has news for the
  // driver sets interrupted.
  Nanos horizon = kNever;
  bool interrupted = false;

 private:
  struct Event {
    Nanos when;
    u64 sequence;
    EventTarget* target;
    u64 argument;
    u32 kind;
    bool operator<(const Event& other) const {  // std::priority_queue wants the last one first
      return when != other.when ? when > other.when : sequence > other.sequence;
    }
  };

  Nanos now_ = kSecond;  // not zero, so that a deadline of zero is in the past
  u64 sequence_ = 0;
  std::priority_queue<Event> events_;
  std::string failure_;
  std::vector<std::string> trace_;
  std::size_t trace_next_ = 0;
  std::size_t trace_max_ = 0;
  bool print_trace_ = false;
};

// Bytes as a C string literal shows them, at most `limit` of them.
[[nodiscard]] std::string printable(std::string_view bytes, std::size_t limit = 120);

}  // namespace ringfold::sim
