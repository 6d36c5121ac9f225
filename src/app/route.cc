#include "app/route.h"

#include <fmt/core.h>

#include <cstdlib>

#include "app/endpoint.h"
#include "app/placed_ring.h"

namespace ringfold {
namespace {

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

Expected<const PoolConfig*> find_pool(const Config& config, const std::string& name) {
  std::string names;
  for (const PoolConfig& pool : config.pools) {
    if (pool.name == name) return &pool;
    names += (names.empty() ? "" : ", ") + shown(pool.name);
  }
  return fail(fmt::format("there is no pool {}; there is {}", shown(name), names));
}

auto no_fixed_server(const PoolConfig& pool) {
  return fail(fmt::format("pool {} has distribution = \"random\": its keys have no fixed server",
                          shown(pool.name)));
}

class Router {
 public:
  Router(const PoolConfig& pool, bool is_hex, std::FILE* output)
      : pool_(pool), map_(place_pool(pool).map), is_hex_(is_hex), output_(output) {}

  // True when keys of this pool have no server of their own.
  bool random() const { return map_.random(); }

  Expected<void> print(std::string_view text) {
    std::optional<std::string> bytes;
    if (is_hex_) {
      bytes = parse_hex(text);
      if (!bytes) {
        return fail(
            fmt::format("key {} is not hex: an even number of digits 0-9, a-f, A-F", shown(text)));
      }
    }
    const ServerConfig& server = pool_.servers[map_.route(bytes ? *bytes : text, 0)];
    std::fwrite(text.data(), 1, text.size(), output_);
    fmt::print(output_, "\t{}\t{}\n", server.name, to_string(server.endpoint));
    return {};
  }

 private:
  const PoolConfig& pool_;
  ShardMap map_;
  bool is_hex_;
  std::FILE* output_;
};

// A key may hold any byte but the line feed that ends it; the last line needs none.
Expected<void> route_lines(Router& router, std::FILE* input) {
  char* line = nullptr;
  std::size_t capacity = 0;
  Expected<void> status;
  while (status) {
    const ssize_t size = ::getline(&line, &capacity, input);
    if (size < 0) break;
    std::string_view key(line, static_cast<std::size_t>(size));
    if (key.ends_with('\n')) key.remove_suffix(1);
    status = router.print(key);
  }
  std::free(line);
  return status;
}

}  // namespace

std::optional<std::string> parse_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = hex_digit(text[i]);
    const auto low = hex_digit(text[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<char>(*high << 4 | *low));
  }
  return bytes;
}

Expected<ServerConfig> find_server(const Config& config, const std::string& pool,
                                   std::string_view key) {
  const auto found = find_pool(config, pool);
  if (!found) return tl::unexpected(found.error());
  const ShardMap map = place_pool(**found).map;
  if (map.random()) return no_fixed_server(**found);
  return (*found)->servers[map.route(key, 0)];
}

Expected<void> run_route(const Config& config, const RouteOptions& options, std::FILE* input,
                         std::FILE* output) {
  const auto pool = find_pool(config, options.pool);
  if (!pool) return tl::unexpected(pool.error());
  Router router(**pool, options.is_hex, output);
  if (router.random()) return no_fixed_server(**pool);
  Expected<void> status;
  if (options.keys.size() == 1 && options.keys[0] == "-") {
    status = route_lines(router, input);
  } else {
    for (const std::string& key : options.keys) {
      if (status) status = router.print(key);
    }
  }
  std::fflush(output);
  return status;
}

}  // namespace ringfold
