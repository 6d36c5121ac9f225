// Text as TOML.
#pragma once

#include <string>
#include <string_view>

namespace ringfold {

// A string in double quotes, escaped as TOML wants it.
[[nodiscard]] std::string toml_string(std::string_view text);

}  // namespace ringfold
