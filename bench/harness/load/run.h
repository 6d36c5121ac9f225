// One run: the threads of a plan, from the first connection to the last reply.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "load/board.h"
#include "load/histogram.h"
#include "load/plan.h"
#include "load/tally.h"

namespace ringfold::load {

struct RecipeResult {
  std::string name;
  Histogram latencies;  // nanoseconds
};

struct RunResult {
  Tally tally;
  Histogram latencies;  // of all requests
  std::vector<RecipeResult> recipes;
  std::vector<SecondRow> rows;
  double seconds = 0;      // measured
  double cpu_seconds = 0;  // of the load generator's threads in the measured time
  bool was_interrupted = false;

  // Requests answered in the measured time, a second.
  double throughput() const {
    return seconds > 0 ? static_cast<double>(tally.in_time) / seconds : 0;
  }
  double cpu_microseconds_per_request() const {
    return tally.in_time == 0 ? 0 : cpu_seconds * 1e6 / static_cast<double>(tally.in_time);
  }
  // Replies were wrong, errors, lost or missing.
  bool has_faults(const Plan& plan) const {
    const bool has_missed = plan.misses_are_faults && tally.unexpected_misses != 0;
    return tally.errors + tally.mismatches + tally.lost + tally.unanswered +
                   tally.connections_lost !=
               0 ||
           has_missed;
  }
};

// Runs until the plan is fulfilled or `stop` becomes true. shows_progress: a line on stderr, a
// second. Fails when it cannot start: why.
[[nodiscard]] Expected<RunResult> run(const Plan& plan, std::atomic<bool>& stop,
                                      bool shows_progress);

}  // namespace ringfold::load
