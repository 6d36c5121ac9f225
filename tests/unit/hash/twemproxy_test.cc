// ShardMap against what the real twemproxy 0.5.0 was recorded to do.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "csv.h"
#include "ringfold/hash/distributions.h"
#include "ringfold/hash/shard_map.h"

using namespace ringfold;
using namespace ringfold::testing;

namespace {

// A line of twemproxy's `servers`: "host:port:weight[ name]" or "/path:weight[ name]".
ShardServer parse_server(const std::string& line) {
  const std::string address = line.substr(0, line.find(' '));
  const std::size_t weight_colon = address.rfind(':');
  REQUIRE(weight_colon != std::string::npos);
  ShardServer server;
  server.weight = static_cast<u32>(std::stoul(address.substr(weight_colon + 1)));
  const std::string place = address.substr(0, weight_colon);
  if (address.size() < line.size()) {
    server.name = line.substr(address.size() + 1);
  } else if (place.starts_with('/')) {
    server.name = place + ":";  // twemproxy leaves the colon in
  } else if (place.ends_with(":11211")) {
    server.name = place.substr(0, place.rfind(':'));
  } else {
    server.name = place;
  }
  return server;
}

struct Pool {
  std::vector<std::string> lines;
  ShardMap map;
};

Pool make_pool(const std::string& distribution, const std::string& hash, const std::string& tag,
               const std::string& servers, const std::string& ejected) {
  Pool pool;
  pool.lines = split(servers, ';');
  const auto out = ejected.empty() ? std::vector<std::string>{} : split(ejected, ';');
  std::vector<ShardServer> shard_servers;
  std::size_t out_count = 0;
  for (const std::string& line : pool.lines) {
    shard_servers.push_back(parse_server(line));
    shard_servers.back().live = std::find(out.begin(), out.end(), line) == out.end();
    out_count += shard_servers.back().live ? 0 : 1;
  }
  REQUIRE(out_count == out.size());
  const auto kind = parse_distribution(distribution);
  const auto hash_kind = parse_hash_kind(hash);
  REQUIRE(kind.has_value());
  REQUIRE(hash_kind.has_value());
  pool.map = ShardMap::build({*kind, *hash_kind, tag}, shard_servers);
  return pool;
}

// Routes the key of every row and returns how many rows there were.
std::size_t check_rows(const std::vector<std::vector<std::string>>& rows) {
  std::map<std::vector<std::string>, Pool> pools;
  for (const auto& row : rows) {
    // distribution, hash, hash_tag, servers, key, key_hex, server and perhaps ejected
    const std::string ejected = row.size() > 7 ? row[7] : "";
    const std::vector<std::string> setting = {row[0], row[1], row[2], row[3], ejected};
    auto pool = pools.find(setting);
    if (pool == pools.end()) {
      pool = pools.emplace(setting, make_pool(row[0], row[1], row[2], row[3], ejected)).first;
    }
    const u32 server = pool->second.map.route(from_hex(row[5]), 0);
    REQUIRE(server < pool->second.lines.size());
    // Where two servers share an address the recording names both.
    const auto right = split(row[6], '|');
    const std::string& answer = pool->second.lines[server];
    CHECK_MESSAGE(std::find(right.begin(), right.end(), answer) != right.end(), row[0], " ", row[1],
                  " ", row[3], " key ", row[5], " answered ", answer, " recorded ", row[6]);
  }
  return rows.size();
}

std::vector<Member> equal_members(const std::vector<std::string>& names) {
  std::vector<Member> members;
  for (const std::string& name : names) {
    members.push_back({name, static_cast<u32>(members.size()), 1, true});
  }
  return members;
}

}  // namespace

TEST_CASE("every recorded key goes to the server that twemproxy chose") {
  CHECK(check_rows(read_csv("twemproxy_routing.csv")) == 6709);
}

TEST_CASE("every recorded key goes where twemproxy sent it while servers were ejected") {
  CHECK(check_rows(read_csv("twemproxy_ejected.csv")) == 1920);
}

TEST_CASE("ring points are the ones of twemproxy's own unit test") {
  const std::vector<std::string> names = {"server1", "server2"};
  const auto points = ketama_points(equal_members(names));
  REQUIRE(points.size() == 320);
  // Digest 8 of server1: "server1-8".
  CHECK(points[32].value == 3853726576u);
  CHECK(points[33].value == 1491449930u);
  CHECK(points[34].value == 639619849u);
  CHECK(points[35].value == 2667054752u);
  CHECK(points[35].owner == 0);
  CHECK(points[160].owner == 1);
}

TEST_CASE("point counts round in single precision like twemproxy's") {
  for (const u32 count :
       {2u, 3u, 4u, 10u, 24u, 25u, 26u, 47u, 50u, 55u, 61u, 71u, 94u, 99u, 100u, 107u}) {
    std::vector<std::string> names;
    for (u32 index = 0; index < count; ++index) names.push_back(std::to_string(index));
    const bool short_of_160 = count == 25 || count == 47 || count == 50 || count == 55 ||
                              count == 61 || count == 71 || count == 94 || count == 100 ||
                              count == 107;
    CHECK(ketama_points(equal_members(names)).size() == count * (short_of_160 ? 156 : 160));
  }
  const auto count_of = [](std::vector<u32> weights, u32 server) {
    std::vector<Member> members;
    for (const u32 weight : weights) {
      members.push_back({"x", static_cast<u32>(members.size()), weight, true});
    }
    const auto points = ketama_points(members);
    return std::count_if(points.begin(), points.end(),
                         [&](const Point& point) { return point.owner == server; });
  };
  CHECK(count_of({5, 1, 2}, 0) == 300);
  CHECK(count_of({5, 1, 2}, 1) == 60);
  CHECK(count_of({5, 1, 2}, 2) == 120);
  CHECK(count_of({1, 2}, 0) == 104);
  CHECK(count_of({1, 2}, 1) == 212);
  CHECK(count_of({100000, 1}, 1) == 0);
  CHECK(count_of({4000000000u, 4000000000u}, 0) == 160);
}

TEST_CASE("a name too long for twemproxy's buffer loses its number") {
  const std::string fits(268, 'n');
  const std::string too_long(272, 'n');
  const auto distinct = [](const std::string& name) {
    auto points = ketama_points(equal_members({name}));
    REQUIRE(points.size() == 160);
    std::vector<u32> values;
    for (const Point& point : points) values.push_back(point.value);
    std::sort(values.begin(), values.end());
    return std::unique(values.begin(), values.end()) - values.begin();
  };
  CHECK(distinct(fits) == 160);
  CHECK(distinct(too_long) == 4);
}
