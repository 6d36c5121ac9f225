// Any bytes as a configuration file: a configuration that keeps its promises, or errors that stand
// in the file and in order. Corpus: tests/corpus/config.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "app/endpoint.h"
#include "ringfold/base/assert.h"
#include "ringfold/base/limits.h"
#include "ringfold/config.h"

namespace ringfold {
namespace {

void check_config(const Config& config) {
  RINGFOLD_ASSERT(config.threads >= 1);
  RINGFOLD_ASSERT(config.threads <= kThreadsMax);
  RINGFOLD_ASSERT(!config.pools.empty());
  for (const PoolConfig& pool : config.pools) {
    RINGFOLD_ASSERT(!pool.name.empty());
    RINGFOLD_ASSERT(!pool.listen.empty());
    RINGFOLD_ASSERT(!pool.servers.empty());
    RINGFOLD_ASSERT(pool.servers.size() <= kServersPerPoolMax);
    for (const ServerConfig& server : pool.servers) {
      RINGFOLD_ASSERT(!server.name.empty());
      RINGFOLD_ASSERT(server.weight >= 1);
      // What was accepted as an endpoint is accepted again as it is written.
      const auto again = parse_endpoint(to_string(server.endpoint));
      RINGFOLD_ASSERT(again.has_value());
      RINGFOLD_ASSERT(to_string(*again) == to_string(server.endpoint));
    }
  }
}

void check_errors(const std::vector<ConfigError>& errors, std::string_view text) {
  RINGFOLD_ASSERT(!errors.empty());
  const auto lines = static_cast<u32>(std::ranges::count(text, '\n') + 1);
  const auto place = [](const ConfigError& error) { return std::pair(error.line, error.column); };
  RINGFOLD_ASSERT(std::ranges::is_sorted(errors, {}, place));
  for (const ConfigError& error : errors) {
    RINGFOLD_ASSERT(error.line >= 1);
    RINGFOLD_ASSERT(error.line <= lines);
    RINGFOLD_ASSERT(error.column >= 1);
    RINGFOLD_ASSERT(!has_control_bytes(to_string(error)));
  }
}

}  // namespace
}  // namespace ringfold

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = ringfold::parse_config(text, "fuzz");
  if (config) {
    ringfold::check_config(*config);
  } else {
    ringfold::check_errors(config.error(), text);
  }
  return 0;
}
