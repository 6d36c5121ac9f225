// The numbers as JSON.
#pragma once

#include <string>

#include "app/stats_view.h"

namespace ringfold {

// GET /stats: one object; its shape is in the README.
[[nodiscard]] std::string stats_json(const StatsView& view);

// GET /stats?format=nutcracker: twemproxy's names and nesting (its stats port), for its dashboards.
[[nodiscard]] std::string nutcracker_stats_json(const StatsView& view);

}  // namespace ringfold
