// SlowLog: the last slow requests that workers have reported. One thread at a time.
#pragma once

#include <deque>
#include <vector>

#include "app/stats_view.h"
#include "core/mailbox.h"

namespace ringfold {

class SlowLog {
 public:
  static constexpr std::size_t kEntries = 128;

  // Requires: event.kind is slow.
  void add(u32 worker, const WorkerEvent& event, double time_unix_seconds);

  // The latest first.
  [[nodiscard]] std::vector<SlowView> entries() const { return {entries_.begin(), entries_.end()}; }

 private:
  std::deque<SlowView> entries_;
};

// Bytes of a key as text: what is no printable ASCII, and the backslash, as \xNN.
[[nodiscard]] std::string escaped_key(std::string_view bytes);

}  // namespace ringfold
