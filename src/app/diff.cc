#include "app/diff.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>

#include "app/endpoint.h"
#include "app/placed_ring.h"
#include "app/sample_keys.h"

namespace ringfold {
namespace {

const PoolConfig* find_pool(const Config& config, const std::string& name) {
  const auto found = std::ranges::find(config.pools, name, &PoolConfig::name);
  return found == config.pools.end() ? nullptr : &*found;
}

// A server of one of the pools, or of both.
struct Row {
  std::string name;
  std::string address;
  std::optional<u32> before;  // sampled keys; nothing when the server is not in that pool
  std::optional<u32> after;
};

struct Comparison {
  std::vector<Row> rows;
  u32 moved = 0;
  bool is_random = false;  // keys of one of the pools have no fixed server
};

// Rows of both pools, those of the first in front, and where to find each by its place.
std::vector<Row> make_rows(const PoolConfig& before, const PoolConfig& after,
                           std::map<std::string, std::size_t>& index) {
  std::vector<Row> rows;
  const auto add = [&](const PoolConfig& pool, std::optional<u32> Row::*count) {
    for (const ServerConfig& server : pool.servers) {
      const std::string place = place_of(server.name, server.endpoint);
      const auto [found, is_new] = index.emplace(place, rows.size());
      if (is_new) rows.push_back({server.name, to_string(server.endpoint), {}, {}});
      rows[found->second].*count = 0;
    }
  };
  add(before, &Row::before);
  add(after, &Row::after);
  return rows;
}

Comparison compare(const PoolConfig& before, const PoolConfig& after) {
  std::map<std::string, std::size_t> index;
  Comparison comparison;
  comparison.rows = make_rows(before, after, index);
  const PlacedRing old_ring = place_pool(before);
  const PlacedRing new_ring = place_pool(after);
  comparison.is_random = old_ring.map.random() || new_ring.map.random();
  SampleKeys keys(after.sharding.hash_tag);
  Prng prng(1);
  for (u32 i = 0; i < kSampleCount; ++i) {
    const std::string key = keys.next();
    const u64 random = prng.next();
    const std::string& from = old_ring.find(key, random);
    const std::string& to = new_ring.find(key, random);
    *comparison.rows[index.at(from)].before += 1;
    *comparison.rows[index.at(to)].after += 1;
    comparison.moved += from == to ? 0 : 1;
  }
  return comparison;
}

std::string percent(u32 count) {
  return fmt::format("{:.2f} %", 100.0 * count / kSampleCount);
}

std::string percent(const std::optional<u32>& count) {
  return count ? percent(*count) : "-";
}

std::string describe_rows(const std::vector<Row>& rows) {
  std::size_t name_width = 6;
  std::size_t address_width = 7;
  for (const Row& row : rows) {
    name_width = std::max(name_width, row.name.size());
    address_width = std::max(address_width, row.address.size());
  }
  std::string out = fmt::format("  {:<{}}  {:<{}}  {:>8}  {:>8}\n", "server", name_width, "address",
                                address_width, "before", "after");
  for (const Row& row : rows) {
    out += fmt::format("  {:<{}}  {:<{}}  {:>8}  {:>8}\n", row.name, name_width, row.address,
                       address_width, percent(row.before), percent(row.after));
  }
  return out;
}

// Servers that kept their names and with them their keys, but not their addresses.
std::string describe_movers(const PoolConfig& before, const PoolConfig& after) {
  std::string out;
  for (const ServerConfig& server : before.servers) {
    const auto same = std::ranges::find(after.servers, server.name, &ServerConfig::name);
    if (same == after.servers.end()) continue;
    const std::string from = to_string(server.endpoint);
    const std::string to = to_string(same->endpoint);
    if (from == to) continue;
    out += fmt::format("  server {} is at {} instead of {}: its keys count as moved\n",
                       shown(server.name), to, from);
  }
  return out;
}

std::string describe_moved(const Comparison& comparison) {
  if (comparison.is_random) return "keys of a random distribution have no fixed server";
  return fmt::format("{} of the keys move", percent(comparison.moved));
}

std::string describe_pool(const PoolConfig& before, const PoolConfig& after) {
  const Comparison comparison = compare(before, after);
  return fmt::format("pool {}: {}\n", shown(before.name), describe_moved(comparison)) +
         describe_rows(comparison.rows) + describe_movers(before, after);
}

}  // namespace

std::string describe_moved_share(const PoolConfig& before, const PoolConfig& after) {
  return describe_moved(compare(before, after));
}

Expected<std::string> describe_difference(const Config& before, const Config& after,
                                          const DiffOptions& options) {
  std::string out;
  bool is_sampled = false;
  const auto is_asked = [&](const PoolConfig& pool) {
    return options.pool.empty() || pool.name == options.pool;
  };
  for (const PoolConfig& pool : before.pools) {
    if (!is_asked(pool)) continue;
    const PoolConfig* const counterpart = find_pool(after, pool.name);
    if (counterpart == nullptr) {
      out += fmt::format("pool {}: only in {}\n", shown(pool.name), options.before);
      continue;
    }
    out += describe_pool(pool, *counterpart);
    is_sampled = true;
  }
  for (const PoolConfig& pool : after.pools) {
    if (!is_asked(pool) || find_pool(before, pool.name) != nullptr) continue;
    out += fmt::format("pool {}: only in {}\n", shown(pool.name), options.after);
  }
  if (out.empty()) {
    return fail(fmt::format("there is no pool {} in {} and {}", shown(options.pool), options.before,
                            options.after));
  }
  if (is_sampled) {
    out += fmt::format(
        "Shares of {} sampled keys, {} percentage points off at most (95 % "
        "confidence).\n",
        kSampleCount, kSamplingError);
  }
  return out;
}

}  // namespace ringfold
