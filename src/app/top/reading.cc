#include "app/top/reading.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace ringfold::top {
namespace {

using Json = nlohmann::json;

void add(Histogram& sum, const Json& histogram) {
  for (const Json& bucket : histogram.at("buckets")) {
    sum[bucket.at(0).get<double>()] += bucket.at(1).get<u64>();
  }
}

Histogram histogram_of_groups(const Json& groups) {
  Histogram sum;
  for (const Json& group : groups) add(sum, group);
  return sum;
}

u64 sum_of(const Json& counts) {
  u64 sum = 0;
  for (const Json& count : counts) sum += count.get<u64>();
  return sum;
}

ServerReading server_of(const Json& json) {
  return {.name = json.at("name"),
          .address = json.at("address"),
          .state = json.at("state"),
          .key_share = json.at("key_share"),
          .connections = json.at("connections"),
          .pending = json.at("pending"),
          .requests = sum_of(json.at("requests")),
          .errors = sum_of(json.at("errors")),
          .waiting = histogram_of_groups(json.at("waiting")),
          .serving = histogram_of_groups(json.at("serving"))};
}

PoolReading pool_of(const Json& json) {
  PoolReading pool{.name = json.at("name"),
                   .protocol = json.at("protocol"),
                   .clients = json.at("clients"),
                   .bytes_received = json.at("bytes_received"),
                   .bytes_sent = json.at("bytes_sent"),
                   .requests = sum_of(json.at("requests")),
                   .errors = json.at("errors").get<std::map<std::string, u64>>(),
                   .latency = histogram_of_groups(json.at("latency"))};
  add(pool.writing, json.at("writing"));
  for (const Json& server : json.at("servers")) pool.servers.push_back(server_of(server));
  return pool;
}

SlowReading slow_of(const Json& json) {
  return {.pool = json.at("pool"),
          .server = json.at("server"),
          .command = json.at("command"),
          .key_prefix = json.at("key_prefix"),
          .total_seconds = json.at("total_seconds"),
          .waiting_seconds = json.at("waiting_seconds"),
          .serving_seconds = json.at("serving_seconds"),
          .writing_seconds = json.at("writing_seconds")};
}

Reading reading_of(const Json& json) {
  Reading reading{.version = json.at("version"),
                  .pid = json.at("pid"),
                  .uptime_seconds = json.at("uptime_seconds"),
                  .io = json.at("io"),
                  .threads = json.at("threads"),
                  .is_draining = json.at("draining"),
                  .cpu_seconds = json.at("process").at("cpu_seconds"),
                  .memory_bytes = json.at("memory").at("in_use_bytes"),
                  .pressure = json.at("memory").at("pressure"),
                  .pools = {},
                  .slow = {},
                  .hot_keys = {}};
  for (const Json& pool : json.at("pools")) reading.pools.push_back(pool_of(pool));
  for (const Json& slow : json.at("slow")) reading.slow.push_back(slow_of(slow));
  for (const Json& pool : json.at("hot_keys").at("pools")) {
    for (const Json& key : pool.at("keys")) {
      // Where no key is hot, nearly all of a count is its error.
      if (2 * key.at("error").get<u64>() > key.at("count").get<u64>()) continue;
      reading.hot_keys.push_back({pool.at("pool"), key.at("key_prefix"), key.at("share")});
    }
  }
  std::ranges::stable_sort(reading.hot_keys, std::greater{}, &HotKeyReading::share);
  return reading;
}

}  // namespace

std::optional<double> percentile(const Histogram& histogram, double part) {
  u64 count = 0;
  for (const auto& row : histogram) count += row.second;
  const auto rank = static_cast<u64>(std::ceil(static_cast<double>(count) * part));
  u64 seen = 0;
  for (const auto& [bound, values] : histogram) {
    seen += values;
    if (seen >= rank) return bound;
  }
  return std::nullopt;
}

Histogram added(const Histogram& now, const Histogram& before) {
  Histogram difference;
  for (const auto& [bound, count] : now) {
    const auto old = before.find(bound);
    const u64 past = old == before.end() ? 0 : old->second;
    if (count > past) difference[bound] = count - past;
  }
  return difference;
}

u64 PoolReading::all_errors() const {
  u64 sum = 0;
  for (const auto& row : errors) sum += row.second;
  return sum;
}

Expected<Reading> parse_reading(const std::string& json) {
  try {
    return reading_of(Json::parse(json));
  } catch (const Json::exception& error) {
    return fail(fmt::format("the answer is not what ringfold's /stats is: {}", error.what()));
  }
}

const PoolReading* find(const Reading& reading, std::string_view pool) {
  const auto found = std::ranges::find(reading.pools, pool, &PoolReading::name);
  return found == reading.pools.end() ? nullptr : &*found;
}

const ServerReading* find(const PoolReading& pool, std::string_view server) {
  const auto found = std::ranges::find(pool.servers, server, &ServerReading::name);
  return found == pool.servers.end() ? nullptr : &*found;
}

}  // namespace ringfold::top
