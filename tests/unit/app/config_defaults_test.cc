// Defaults, and the sample files, which must say the same.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "ringfold/config.h"

namespace ringfold {

static bool operator==(const Endpoint& a, const Endpoint& b) {
  return a.host == b.host && a.port == b.port && a.unix_path == b.unix_path;
}

namespace {

std::string read_sample(const std::string& name) {
  std::ifstream stream(std::string(RINGFOLD_CONFIGS) + "/" + name);
  REQUIRE(stream.good());
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

Config load_sample(const std::string& name) {
  auto config = load_config(std::string(RINGFOLD_CONFIGS) + "/" + name);
  if (!config) FAIL(to_string(config.error()[0]));
  return *config;
}

void check_proxy_defaults(const Config& config) {
  CHECK(config.threads == 1);
  CHECK(config.io == IoKind::automatic);
  CHECK(config.log_level == LogLevel::info);
  CHECK(config.log_format == LogFormat::text);
  CHECK(config.log_file.empty());
  CHECK(config.dns_refresh_ms == 30000);
  CHECK(config.drain_timeout_ms == 20000);
  CHECK(config.admin_listen == Endpoint{"127.0.0.1", 22222, ""});
  CHECK(config.slow_ms == 100);
  CHECK(config.hot_keys);
}

void check_pool_defaults(const PoolConfig& pool) {
  CHECK(pool.protocol == Protocol::redis);
  CHECK(pool.sharding.distribution == Distribution::ketama);
  CHECK(pool.sharding.hash == HashKind::fnv1a_64);
  CHECK(pool.sharding.hash_tag.empty());
  CHECK(pool.timeout_ms == 0);
  CHECK(pool.connect_timeout_ms == 200);
  CHECK(pool.server_connections == 1);
  CHECK(pool.preconnect);
  CHECK(!pool.auto_eject_hosts);
  CHECK(pool.server_failure_limit == 2);
  CHECK(pool.server_retry_timeout_ms == 30000);
  CHECK(pool.client_connections == 0);
  CHECK(pool.max_request_size == 1_GiB);
  CHECK(pool.client_output_limit == 1_GiB);
  CHECK(pool.backlog == 1024);
  CHECK(pool.tcp_keepalive);
  CHECK(pool.password.empty());
  CHECK(pool.client_password.empty());
  CHECK(pool.database == 0);
}

TEST_CASE("the minimal sample has every default") {
  const Config config = load_sample("minimal.toml");
  check_proxy_defaults(config);
  CHECK(!config.admin_configured);
  REQUIRE(config.pools.size() == 1);
  check_pool_defaults(config.pools[0]);
  CHECK(config.pools[0].name == "sessions");
  REQUIRE(config.pools[0].servers.size() == 1);
  CHECK(config.pools[0].servers[0].name == "127.0.0.1:6379");
}

TEST_CASE("the annotated sample says the defaults") {
  const Config config = load_sample("annotated.toml");
  check_proxy_defaults(config);
  CHECK(config.admin_configured);
  REQUIRE(config.pools.size() == 1);
  const PoolConfig& pool = config.pools[0];
  check_pool_defaults(pool);
  REQUIRE(pool.listen.size() == 1);
  CHECK(pool.listen[0] == Endpoint{"127.0.0.1", 22121, ""});
  REQUIRE(pool.servers.size() == 2);
  CHECK(pool.servers[0].name == "alpha");
  CHECK(pool.servers[0].endpoint == Endpoint{"127.0.0.1", 6379, ""});
  CHECK(pool.servers[1].name == "beta");
  CHECK(pool.servers[1].endpoint == Endpoint{"127.0.0.1", 6380, ""});
  CHECK(pool.servers[1].weight == 1);
}

TEST_CASE("the annotated sample holds every key") {
  const std::string text = read_sample("annotated.toml");
  for (const std::string key : {"threads",
                                "io",
                                "memory_limit",
                                "log_level",
                                "log_format",
                                "log_file",
                                "dns_refresh_ms",
                                "drain_timeout_ms",
                                "listen",
                                "slow_ms",
                                "hot_keys",
                                "name",
                                "protocol",
                                "distribution",
                                "hash",
                                "hash_tag",
                                "servers",
                                "timeout_ms",
                                "connect_timeout_ms",
                                "server_connections",
                                "preconnect",
                                "stall_timeout_ms",
                                "auto_eject_hosts",
                                "on_failure",
                                "server_failure_limit",
                                "server_retry_timeout_ms",
                                "client_connections",
                                "max_request_size",
                                "client_output_limit",
                                "server_pending_limit",
                                "server_output_limit",
                                "client_idle_timeout_ms",
                                "backlog",
                                "tcp_keepalive",
                                "password",
                                "client_password",
                                "database",
                                "fold_gets",
                                "miss_on_error"}) {
    INFO(key);
    CHECK(text.find("\n" + key + " = ") != std::string::npos);
  }
}

TEST_CASE("the pool sample is good") {
  const Config config = load_sample("redis_pool.toml");
  REQUIRE(config.pools.size() == 1);
  CHECK(config.threads == 2);
  CHECK(config.pools[0].sharding.hash_tag == "{}");
  CHECK(config.pools[0].timeout_ms == 400);
  REQUIRE(config.pools[0].listen.size() == 2);
  CHECK(config.pools[0].listen[1] == Endpoint{"", 0, "/run/ringfold/sessions.sock"});
  REQUIRE(config.pools[0].servers.size() == 4);
  CHECK(config.pools[0].servers[3].weight == 2);
}

TEST_CASE("the memcached sample is good") {
  const Config config = load_sample("memcached_pool.toml");
  REQUIRE(config.pools.size() == 1);
  CHECK(config.pools[0].protocol == Protocol::memcached);
  CHECK(!config.pools[0].miss_on_error);
  CHECK(config.pools[0].fold_gets);
  REQUIRE(config.pools[0].servers.size() == 3);
  CHECK(config.pools[0].servers[2].weight == 2);
}

TEST_CASE("the embedded default is one Redis pool") {
  const Config config = default_config();
  check_proxy_defaults(config);
  REQUIRE(config.pools.size() == 1);
  check_pool_defaults(config.pools[0]);
  REQUIRE(config.pools[0].listen.size() == 1);
  CHECK(to_string(config.pools[0].listen[0]) == "127.0.0.1:22121");
  REQUIRE(config.pools[0].servers.size() == 1);
  CHECK(to_string(config.pools[0].servers[0].endpoint) == "127.0.0.1:6379");
}

TEST_CASE("every key reaches its field") {
  const auto parsed = parse_config(R"(
proxy.threads = 3
proxy.io = "uring"
proxy.log_level = "debug"
proxy.log_format = "json"
proxy.log_file = "/var/log/ringfold.log"
proxy.dns_refresh_ms = 101
proxy.drain_timeout_ms = 0
admin.listen = "unix:/run/admin.sock"
[[pool]]
name = "p"
protocol = "redis"
listen = "[::1]:7000"
distribution = "rendezvous"
hash = "xxh3"
hash_tag = "$$"
servers = [{ address = "[::1]:11211", weight = 7 }, { address = "unix:/a:b", name = "n o" }]
timeout_ms = 1
connect_timeout_ms = 2
server_connections = 3
preconnect = false
server_failure_limit = 4
server_retry_timeout_ms = 5
client_connections = 6
max_request_size = "16 KiB"
client_output_limit = 65536
backlog = 7
tcp_keepalive = false
password = "s3cret \" \\ é"
client_password = "other"
database = 8
)",
                                   "f");
  REQUIRE(parsed);
  CHECK(parsed->threads == 3);
  CHECK(parsed->io == IoKind::uring);
  CHECK(parsed->log_level == LogLevel::debug);
  CHECK(parsed->log_format == LogFormat::json);
  CHECK(parsed->log_file == "/var/log/ringfold.log");
  CHECK(parsed->dns_refresh_ms == 101);
  CHECK(parsed->drain_timeout_ms == 0);
  CHECK(parsed->admin_listen == Endpoint{"", 0, "/run/admin.sock"});
  REQUIRE(parsed->pools.size() == 1);
  const PoolConfig& pool = parsed->pools[0];
  CHECK(pool.listen[0] == Endpoint{"::1", 7000, ""});
  CHECK(pool.sharding.distribution == Distribution::rendezvous);
  CHECK(pool.sharding.hash == HashKind::xxh3);
  CHECK(pool.sharding.hash_tag == "$$");
  REQUIRE(pool.servers.size() == 2);
  CHECK(pool.servers[0].name == "::1");
  CHECK(pool.servers[0].weight == 7);
  CHECK(pool.servers[1].name == "n o");
  CHECK(pool.servers[1].endpoint == Endpoint{"", 0, "/a:b"});
  CHECK(pool.timeout_ms == 1);
  CHECK(pool.connect_timeout_ms == 2);
  CHECK(pool.server_connections == 3);
  CHECK(!pool.preconnect);
  CHECK(pool.server_failure_limit == 4);
  CHECK(pool.server_retry_timeout_ms == 5);
  CHECK(pool.client_connections == 6);
  CHECK(pool.max_request_size == 16_KiB);
  CHECK(pool.client_output_limit == 64_KiB);
  CHECK(pool.backlog == 7);
  CHECK(!pool.tcp_keepalive);
  CHECK(pool.password == "s3cret \" \\ \xc3\xa9");
  CHECK(pool.client_password == "other");
  CHECK(pool.database == 8);
}

TEST_CASE("threads = 0 is the number of cores") {
  const auto parsed = parse_config(
      "proxy.threads = 0\n[[pool]]\nname = \"a\"\nlisten = \"h:1\"\nservers = [\"h:2:1\"]\n", "f");
  REQUIRE(parsed);
  CHECK(parsed->threads >= 1);
  CHECK(parsed->threads <= 256);
}

}  // namespace
}  // namespace ringfold
