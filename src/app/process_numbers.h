// What the system knows of this process.
#pragma once

#include <string>

#include "app/stats_view.h"

namespace ringfold {

// Numbers that the system does not tell are 0.
[[nodiscard]] ProcessView process_numbers();

[[nodiscard]] double unix_seconds();

// The machine's name; empty when it has none.
[[nodiscard]] std::string host_name();

}  // namespace ringfold
