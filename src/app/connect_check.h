// `ringfold -t --connect`: asks every server of a configuration whether it would serve its pool,
// many at once. Starts threads, because looking names up blocks.
#pragma once

#include <vector>

#include "ringfold/config.h"

namespace ringfold {

// A warning for each server that does not answer as it should, at its place in the file, in the
// order of the file. Takes connect_timeout_ms, as long as there are no more servers than
// kConnectsAtOnce, and never longer than kConnectCheckMax: what is not known by then is a warning
// as well.
inline constexpr std::size_t kConnectsAtOnce = 256;
inline constexpr Nanos kConnectCheckMax = 30 * kSecond;

[[nodiscard]] std::vector<ConfigError> find_unreachable_servers(const ExaminedConfig& examined,
                                                                const std::string& file_name);

}  // namespace ringfold
