// A configuration of twemproxy (nutcracker.yml) as twemproxy 0.5.0 reads it: its keys, its
// defaults, its checks. Nothing here knows ringfold's own format.
// Source of all rules: notes on nutcracker 0.5.0 and measurements of it (nc_conf.c, nc_util.c).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "app/document.h"
#include "ringfold/base/error.h"
#include "ringfold/config.h"
#include "ringfold/hash/shard_map.h"

namespace ringfold {

struct NutcrackerServer {
  std::string line;  // as it stands in the file
  Position position;
  Endpoint endpoint;
  u32 weight = 1;
  // What the ring hashes: the given name, or the place as it is written ("host:port", the host
  // alone for port 11211, a path with a colon behind it).
  std::string ring_name;
};

// "host:port:weight[ name]" or "/path:weight[ name]". Without its position.
[[nodiscard]] Expected<NutcrackerServer> parse_nutcracker_server(std::string_view line);

struct NutcrackerListen {
  Endpoint endpoint;
  std::string permission;  // of a unix socket, octal as written; "" when it is left to the umask
};

// "host:port" or "/path[ permission]".
[[nodiscard]] Expected<NutcrackerListen> parse_nutcracker_listen(std::string_view text);

// A key as it stands in the file.
struct NutcrackerKey {
  std::string name;
  Position position;
  std::string text;  // of its value; "" for servers
};

// Durations are milliseconds.
struct NutcrackerPool {
  std::string name;
  Position position;
  std::vector<NutcrackerKey> keys;  // in the order of the file

  NutcrackerListen listen;
  ShardOptions sharding;
  u32 timeout = 0;  // 0: none
  u32 backlog = 512;
  u32 client_connections = 0;
  bool redis = false;
  std::string redis_auth;
  u32 redis_db = 0;
  bool tcpkeepalive = false;
  bool preconnect = false;
  bool auto_eject_hosts = false;
  u32 server_connections = 1;
  u32 server_retry_timeout = 30000;
  u32 server_failure_limit = 2;
  std::vector<NutcrackerServer> servers;  // in the order of the file

  [[nodiscard]] bool has(std::string_view key) const;
};

// The pools in the order of the file, or all mistakes.
[[nodiscard]] tl::expected<std::vector<NutcrackerPool>, std::vector<ConfigError>>
read_nutcracker_file(std::string_view text, const std::string& file_name);

}  // namespace ringfold
