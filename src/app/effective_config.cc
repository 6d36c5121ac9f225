#include "app/effective_config.h"

#include <fmt/core.h>

#include <string_view>
#include <vector>

#include "app/settings.h"
#include "app/toml_string.h"

namespace ringfold {
namespace {

void append(std::string& out, std::string_view table, const std::vector<Setting>& settings) {
  out += fmt::format("{}{}\n", out.empty() ? "" : "\n", table);
  for (const Setting& setting : settings)
    out += fmt::format("{} = {}\n", setting.key, shown_value(setting));
}

void append_servers(std::string& out, const PoolConfig& pool) {
  out += "servers = [\n";
  for (const ServerConfig& server : pool.servers) {
    out += fmt::format("  {{ address = {}, weight = {}, name = {} }},\n",
                       toml_string(to_string(server.endpoint)), server.weight,
                       toml_string(server.name));
  }
  out += "]\n";
}

}  // namespace

std::string effective_config(const Config& config) {
  std::string out;
  append(out, "[proxy]", proxy_settings(config));
  append(out, "[admin]", admin_settings(config));
  for (const PoolConfig& pool : config.pools) {
    std::vector<Setting> settings = pool_settings(pool);
    settings.insert(settings.begin(), {"name", toml_string(pool.name)});
    append(out, "[[pool]]", settings);
    append_servers(out, pool);
  }
  return out;
}

}  // namespace ringfold
