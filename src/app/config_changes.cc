#include "app/config_changes.h"

#include <fmt/core.h>

#include <algorithm>

#include "app/diff.h"
#include "app/endpoint.h"
#include "app/settings.h"

namespace ringfold {
namespace {

// Adds a line for each setting that is another one. owner: what the lines say before the key.
void compare_settings(std::vector<std::string>& lines, const std::string& owner,
                      const std::vector<Setting>& before, const std::vector<Setting>& after) {
  for (const Setting& setting : after) {
    const auto former = std::ranges::find(before, setting.key, &Setting::key);
    if (former == before.end() || former->value == setting.value) continue;
    const std::string was = setting.is_secret ? "" : fmt::format(" (was {})", former->value);
    lines.push_back(fmt::format("~ {}: {} = {}{}", owner, setting.key, shown_value(setting), was));
  }
}

std::string describe_server(const std::string& owner, const ServerConfig& server) {
  const std::string weight = server.weight == 1 ? "" : fmt::format(", weight {}", server.weight);
  return fmt::format("{}: server {} {}{}", owner, shown(server.name), to_string(server.endpoint),
                     weight);
}

void compare_servers(std::vector<std::string>& lines, const std::string& owner,
                     const PoolConfig& before, const PoolConfig& after) {
  const auto find = [](const PoolConfig& pool, const ServerConfig& server) {
    return std::ranges::find(pool.servers, server.name, &ServerConfig::name);
  };
  for (const ServerConfig& server : before.servers) {
    if (find(after, server) == after.servers.end())
      lines.push_back("- " + describe_server(owner, server));
  }
  for (const ServerConfig& server : after.servers) {
    const auto former = find(before, server);
    if (former == before.servers.end()) {
      lines.push_back("+ " + describe_server(owner, server));
    } else if (former->endpoint != server.endpoint) {
      lines.push_back(fmt::format("~ {} (was at {})", describe_server(owner, server),
                                  to_string(former->endpoint)));
    } else if (former->weight != server.weight) {
      lines.push_back(fmt::format("~ {}: server {} {}: weight {} (was {})", owner,
                                  shown(server.name), to_string(server.endpoint), server.weight,
                                  former->weight));
    }
  }
}

bool may_move_keys(const PoolConfig& before, const PoolConfig& after) {
  return before.servers != after.servers || before.sharding != after.sharding;
}

void compare_pools(std::vector<std::string>& lines, const PoolConfig& before,
                   const PoolConfig& after) {
  const std::string owner = fmt::format("pool {}", shown(after.name));
  compare_settings(lines, owner, pool_settings(before), pool_settings(after));
  compare_servers(lines, owner, before, after);
  if (!may_move_keys(before, after)) return;
  lines.push_back(fmt::format("~ {}: {}", owner, describe_moved_share(before, after)));
}

}  // namespace

std::vector<std::string> describe_changes(const Config& before, const Config& after) {
  std::vector<std::string> lines;
  compare_settings(lines, "proxy", proxy_settings(before), proxy_settings(after));
  compare_settings(lines, "admin", admin_settings(before), admin_settings(after));
  const auto find = [](const Config& config, const PoolConfig& pool) {
    return std::ranges::find(config.pools, pool.name, &PoolConfig::name);
  };
  for (const PoolConfig& pool : before.pools) {
    if (find(after, pool) == after.pools.end())
      lines.push_back(fmt::format("- pool {}", shown(pool.name)));
  }
  for (const PoolConfig& pool : after.pools) {
    const auto former = find(before, pool);
    if (former != before.pools.end()) {
      compare_pools(lines, *former, pool);
      continue;
    }
    const std::string owner = fmt::format("pool {}", shown(pool.name));
    lines.push_back(fmt::format("+ {}", owner));
    for (const ServerConfig& server : pool.servers)
      lines.push_back("+ " + describe_server(owner, server));
  }
  return lines;
}

}  // namespace ringfold
