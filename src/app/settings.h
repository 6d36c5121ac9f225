// Settings: a configuration as keys and values again, for who wants to see or compare them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ringfold/config.h"

namespace ringfold {

struct Setting {
  std::string key;    // as in the file
  std::string value;  // in TOML; of a secret the value itself
  bool is_secret = false;

  bool operator==(const Setting&) const = default;
};

// "error", "warn", "info" or "debug".
[[nodiscard]] std::string_view log_level_name(LogLevel level);

// What may be shown of the value: a secret as "***", an empty one as "".
[[nodiscard]] std::string shown_value(const Setting& setting);

// All keys of [proxy], in the order of configs/annotated.toml.
[[nodiscard]] std::vector<Setting> proxy_settings(const Config& config);

// All keys of [admin], likewise.
[[nodiscard]] std::vector<Setting> admin_settings(const Config& config);

// All keys of a [[pool]] but name and servers, likewise.
[[nodiscard]] std::vector<Setting> pool_settings(const PoolConfig& pool);

}  // namespace ringfold
