// Reports: what a run has found, for people and for programs. bench/README.md says what each number
// means; the JSON's names are kept from release to release.
#pragma once

#include <string>

#include "load/plan.h"
#include "load/run.h"

namespace ringfold::load {

// The table at the end, with the first faults in full.
[[nodiscard]] std::string to_table(const Plan& plan, const RunResult& result);

// --quiet: "GET: 123456.00 requests per second, p50=0.231 ms, ..." and the faults in numbers.
[[nodiscard]] std::string to_line(const Plan& plan, const RunResult& result);

// One run as a JSON object.
[[nodiscard]] std::string to_json(const Plan& plan, const RunResult& result);

// The head of --csv, and a row for every second.
[[nodiscard]] std::string csv_head();
[[nodiscard]] std::string to_csv(const Plan& plan, const RunResult& result);

}  // namespace ringfold::load
