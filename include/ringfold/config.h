// The configuration as plain values: what the TOML file says, defaults filled in, everything
// checked. Keys, defaults and formats: README.md, chapter Configuration. Immutable once loaded;
// workers share one snapshot.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "ringfold/base/error.h"
#include "ringfold/base/ints.h"
#include "ringfold/hash/shard_map.h"
#include "ringfold/io/address.h"

namespace ringfold {

enum class Protocol : u8 { redis, memcached };
// What becomes of the keys of an ejected server.
enum class OnFailure : u8 {
  rehash,  // the other servers take them over
  error,   // requests for them fail at once
  miss,    // memcached: they look like misses to those who read; writing fails
};
enum class IoKind : u8 { automatic, uring, epoll };
enum class LogLevel : u8 { error, warn, info, debug };
enum class LogFormat : u8 { text, json };

// Where something listens or is reached: host and port, or a unix path.
struct Endpoint {
  std::string host;  // empty for a unix socket
  u16 port = 0;
  std::string unix_path;  // empty for TCP

  bool is_unix() const { return !unix_path.empty(); }
  bool operator==(const Endpoint&) const = default;
};

// "127.0.0.1:22121", "[::1]:22121" or "unix:/run/a.sock".
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

// True for a host that has to be looked up: neither a number nor a path.
[[nodiscard]] inline bool has_host_name(const Endpoint& endpoint) {
  return !endpoint.is_unix() && !is_numeric_host(endpoint.host);
}

// Resolves an endpoint; blocks for host names.
[[nodiscard]] Expected<Address> resolve(const Endpoint& endpoint);

struct ServerConfig {
  std::string name;  // the ring name; distinct within a pool
  Endpoint endpoint;
  u32 weight = 1;

  bool operator==(const ServerConfig&) const = default;
};

struct PoolConfig {
  std::string name;
  Protocol protocol = Protocol::redis;
  std::vector<Endpoint> listen;
  ShardOptions sharding;
  std::vector<ServerConfig> servers;
  u32 timeout_ms = 0;        // 0: none
  u32 stall_timeout_ms = 0;  // 0: four times timeout_ms, at least a second; none without that
  u32 connect_timeout_ms = 200;
  u32 server_connections = 1;
  bool preconnect = true;
  bool auto_eject_hosts = false;
  u32 server_failure_limit = 2;
  u32 server_retry_timeout_ms = 30000;
  OnFailure on_failure = OnFailure::rehash;
  u32 client_connections = 0;  // 0: no limit
  u64 max_request_size = 1_GiB;
  u64 client_output_limit = 1_GiB;
  u32 server_pending_limit = 262144;  // requests that wait for one server connection
  u64 server_output_limit = 256_MiB;  // bytes that wait to be sent to one server connection
  u32 client_idle_timeout_ms = 0;     // 0: none
  u32 backlog = 1024;
  bool tcp_keepalive = true;
  std::string password;
  std::string client_password;
  u32 database = 0;
  bool fold_gets = true;  // memcached: gets that wait for the same server travel as one
  bool miss_on_error =
      false;  // memcached: a failed server's keys of a get of several look like misses

  bool operator==(const PoolConfig&) const = default;
};

struct Config {
  u32 threads = 1;  // 0 in the file is already the number of cores here
  IoKind io = IoKind::automatic;
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
  std::string log_file;
  u64 memory_limit = 0;           // of all workers together; 0: none
  u32 dns_refresh_ms = 30000;     // 0: names are looked up again only when connections fail
  u32 drain_timeout_ms = 20000;   // 0: none
  std::string takeover_socket;    // a path; empty: none
  Endpoint admin_listen;          // neither host nor path: no admin endpoint, see has_admin()
  u32 slow_ms = 100;              // a request that takes longer is in the slow log; 0: none is
  bool hot_keys = true;           // sample keys to tell which are hot
  bool admin_configured = false;  // admin.listen stands in the file
  std::string admin_token;        // what changes need; empty: none, they are this machine's then
  std::vector<PoolConfig> pools;
};

[[nodiscard]] inline bool has_admin(const Config& config) {
  return config.admin_listen.is_unix() || !config.admin_listen.host.empty();
}

struct ConfigError {
  std::string file;
  u32 line = 0;  // from 1; 0: the file as a whole
  u32 column = 0;
  std::string message;
};

// "FILE:LINE:COLUMN: message".
[[nodiscard]] std::string to_string(const ConfigError& error);

// All errors of the file, in the order of the file, or the configuration.
[[nodiscard]] tl::expected<Config, std::vector<ConfigError>> load_config(const std::string& path);
[[nodiscard]] tl::expected<Config, std::vector<ConfigError>> parse_config(
    std::string_view text, const std::string& file_name);

struct FilePlace {
  u32 line = 0;  // from 1
  u32 column = 0;
};

struct ExaminedConfig {
  Config config;
  std::vector<std::vector<FilePlace>> server_places;  // of config.pools[p].servers[s]
  std::vector<ConfigError> warnings;  // what is allowed but will hurt, in the order of the file
};

// As above, and looks for what will hurt: pools that spread their keys badly (tried with sampled
// keys, which takes a hundredth of a second a pool), addresses given twice, more descriptors than
// open_files_max.
[[nodiscard]] tl::expected<ExaminedConfig, std::vector<ConfigError>> examine_config(
    std::string_view text, const std::string& file_name, u64 open_files_max);
// open_files_max is the limit of this process, which a start raises to the hard one.
[[nodiscard]] tl::expected<ExaminedConfig, std::vector<ConfigError>> examine_config_file(
    const std::string& path);

// One Redis pool on 127.0.0.1:22121 in front of 127.0.0.1:6379.
[[nodiscard]] Config default_config();

}  // namespace ringfold
