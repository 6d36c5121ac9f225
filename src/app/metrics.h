// The metrics that Prometheus reads, and the one table that they, the README and what is generated
// for dashboards come from.
#pragma once

#include <string>

#include "app/stats_view.h"

namespace ringfold {

// GET /metrics: the Prometheus text format 0.0.4 ("text/plain; version=0.0.4; charset=utf-8").
[[nodiscard]] std::string metrics_text(const StatsView& view);

// A line a metric, without a heading: name, type, labels (comma separated), help; between tabs.
[[nodiscard]] std::string metrics_table();

}  // namespace ringfold
