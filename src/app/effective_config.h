// The configuration in use, as a file that says every key.
#pragma once

#include <string>

#include "ringfold/config.h"

namespace ringfold {

// TOML that parse_config() reads as the same configuration, except for secrets that are set: they
// are "***".
[[nodiscard]] std::string effective_config(const Config& config);

}  // namespace ringfold
