// Reading a configuration file as a whole, for the TOML of ringfold and the YAML of twemproxy.
#pragma once

#include <string>

#include "ringfold/base/error.h"

namespace ringfold {

// The bytes of the file; the error says why there are none, without the path. A file of more than
// 64 MiB is refused.
[[nodiscard]] Expected<std::string> read_file(const std::string& path);

}  // namespace ringfold
