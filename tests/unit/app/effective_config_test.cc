#include "app/effective_config.h"

#include <doctest/doctest.h>

#include <string>

using namespace ringfold;

namespace {

Config parsed(const std::string& text) {
  auto config = parse_config(text, "f");
  if (!config) FAIL(to_string(config.error().front()));
  return std::move(*config);
}

constexpr const char* kEverything = R"([proxy]
threads = 3
io = "epoll"
memory_limit = "128MiB"
log_level = "debug"
log_format = "json"
log_file = "/var/log/a \" b.log"
dns_refresh_ms = 0
drain_timeout_ms = 7
[admin]
listen = "unix:/run/a.sock"
[[pool]]
name = "one \\ \""
listen = ["127.0.0.1:1", "[::1]:2", "unix:/run/b.sock"]
distribution = "maglev"
hash = "murmur"
hash_tag = "{}"
servers = ["127.0.0.1:6379:7 alpha", { address = "unix:/run/c.sock", name = "b\"ta" }]
timeout_ms = 400
stall_timeout_ms = 4000
auto_eject_hosts = true
on_failure = "error"
client_connections = 9
max_request_size = 1025
server_output_limit = "3MiB"
backlog = 3
tcp_keepalive = false
database = 2
[[pool]]
name = "two"
protocol = "memcached"
listen = "127.0.0.1:3"
servers = ["127.0.0.1:11211:1"]
fold_gets = false
miss_on_error = true
)";

}  // namespace

TEST_CASE("the effective configuration is a file that says the same") {
  const Config config = parsed(kEverything);
  const std::string text = effective_config(config);
  const Config again = parsed(text);
  CHECK(effective_config(again) == text);
  CHECK(again.threads == 3);
  CHECK(again.log_file == config.log_file);
  CHECK(again.admin_listen.unix_path == "/run/a.sock");
  REQUIRE(again.pools.size() == 2);
  CHECK(again.pools[0].name == "one \\ \"");
  CHECK(again.pools[0].listen.size() == 3);
  CHECK(again.pools[0].sharding.distribution == Distribution::maglev);
  CHECK(again.pools[0].sharding.hash == HashKind::murmur);
  CHECK(again.pools[0].servers[0].weight == 7);
  CHECK(again.pools[0].servers[1].name == "b\"ta");
  CHECK(again.pools[0].servers[1].endpoint.unix_path == "/run/c.sock");
  CHECK(again.pools[0].max_request_size == 1025);
  CHECK(again.pools[0].on_failure == OnFailure::error);
  CHECK(again.pools[1].protocol == Protocol::memcached);
  CHECK(!again.pools[1].fold_gets);
  CHECK(again.pools[1].miss_on_error);
}

TEST_CASE("no secret is in the effective configuration") {
  Config config = parsed(
      "[admin]\ntoken = \"0123456789abcdef\"\n[[pool]]\nname = \"a\"\nlisten = \"127.0.0.1:1\"\n"
      "servers = [\"127.0.0.1:2:1\"]\npassword = \"hush-one\"\nclient_password = \"hush-two\"\n");
  const std::string text = effective_config(config);
  CHECK(text.find("0123456789abcdef") == std::string::npos);
  CHECK(text.find("hush") == std::string::npos);
  CHECK(text.find("token = \"***\"") != std::string::npos);
  CHECK(text.find("\npassword = \"***\"") != std::string::npos);
  CHECK(text.find("client_password = \"***\"") != std::string::npos);
}

TEST_CASE("no admin endpoint is shown as the empty text that asks for it") {
  const Config config = parsed(
      "[admin]\nlisten = \"\"\n[[pool]]\nname = \"a\"\nlisten = \"127.0.0.1:1\"\n"
      "servers = [\"127.0.0.1:2:1\"]\n");
  CHECK(!has_admin(config));
  CHECK(effective_config(config).find("[admin]\nlisten = \"\"\n") != std::string::npos);
}
