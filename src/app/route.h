// `ringfold route`: which server holds a key, by the same code that routes requests.
#pragma once

#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/error.h"
#include "ringfold/config.h"
#include "ringfold/hash/shard_map.h"

namespace ringfold {

// The bytes of a key written as hexadecimal digits, or nothing when it is not.
[[nodiscard]] std::optional<std::string> parse_hex(std::string_view text);

// The server of a key in the pool of that name. The error is one of usage: no such pool, a pool
// whose keys have no fixed server. Builds the pool's ring, which takes milliseconds where it is
// large.
[[nodiscard]] Expected<ServerConfig> find_server(const Config& config, const std::string& pool,
                                                 std::string_view key);

struct RouteOptions {
  std::string pool;
  bool is_hex = false;            // keys are written as hexadecimal digits
  std::vector<std::string> keys;  // the single key "-" reads keys from the input, one a line
};

// Prints "KEY<TAB>server name<TAB>address" for each key, KEY as it was given. The error is one of
// usage: no such pool, a key that is no hex, a pool whose keys have no fixed server.
[[nodiscard]] Expected<void> run_route(const Config& config, const RouteOptions& options,
                                       std::FILE* input, std::FILE* output);

}  // namespace ringfold
