// What a reload changes, in the words of the files.
#pragma once

#include <string>
#include <vector>

#include "ringfold/config.h"

namespace ringfold {

// One line a difference, in the words of the files: "+" has come, "-" has gone, "~" is another one.
//   ~ pool "sessions": timeout_ms = 500 (was 400)
//   + pool "sessions": server "d" 127.0.0.1:6383
//   ~ pool "sessions": 24.87 % of the keys move
// The share of keys is sampled where the map of keys to servers has changed. Empty: they are the
// same.
[[nodiscard]] std::vector<std::string> describe_changes(const Config& before, const Config& after);

}  // namespace ringfold
