// Numbers as they stand in the backend's options.
#pragma once

#include <optional>
#include <string_view>

#include "ringfold/base/error.h"

namespace ringfold::backend {

// A share of all: "0.01", "1%" or "1/10000". Between 0 and 1.
[[nodiscard]] std::optional<double> parse_share(std::string_view text);

// "200us", "1.5ms", "2s" in nanoseconds; at most an hour.
[[nodiscard]] Expected<double> parse_duration(std::string_view text);

inline constexpr double kDurationMax = 3600e9;

}  // namespace ringfold::backend
