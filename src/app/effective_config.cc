#include "app/effective_config.h"

#include <fmt/core.h>

#include <string_view>
#include <utility>

#include "app/config_values.h"
#include "app/migrate/toml_writer.h"

namespace ringfold {
namespace {

class Writer {
 public:
  void section(std::string_view name) { append("{}{}\n", out_.empty() ? "" : "\n", name); }
  void text(std::string_view key, std::string_view value) {
    append("{} = {}\n", key, toml_string(value));
  }
  void secret(std::string_view key, std::string_view value) {
    text(key, value.empty() ? "" : "***");
  }
  void number(std::string_view key, u64 value) { append("{} = {}\n", key, value); }
  void size(std::string_view key, u64 value) {
    if (value == 0 || value % 1_KiB != 0) return number(key, value);
    text(key, format_size(value));
  }
  void boolean(std::string_view key, bool value) { append("{} = {}\n", key, value); }
  void raw(std::string_view line) { append("{}\n", line); }
  std::string take() { return std::move(out_); }

 private:
  template <class... T>
  void append(fmt::format_string<T...> format, T&&... values) {
    out_ += fmt::format(format, std::forward<T>(values)...);
  }

  std::string out_;
};

void write_listen(Writer& out, const PoolConfig& pool) {
  std::string list;
  for (const Endpoint& endpoint : pool.listen) {
    list.append(list.empty() ? "" : ", ").append(toml_string(to_string(endpoint)));
  }
  out.raw(fmt::format("listen = [{}]", list));
}

void write_servers(Writer& out, const PoolConfig& pool) {
  out.raw("servers = [");
  for (const ServerConfig& server : pool.servers) {
    out.raw(fmt::format("  {{ address = {}, weight = {}, name = {} }},",
                        toml_string(to_string(server.endpoint)), server.weight,
                        toml_string(server.name)));
  }
  out.raw("]");
}

void write_pool(Writer& out, const PoolConfig& pool) {
  constexpr std::string_view kOnFailure[] = {"rehash", "error", "miss"};
  const bool is_redis = pool.protocol == Protocol::redis;
  out.section("[[pool]]");
  out.text("name", pool.name);
  out.text("protocol", is_redis ? "redis" : "memcached");
  write_listen(out, pool);
  out.text("distribution", to_string(pool.sharding.distribution));
  out.text("hash", to_string(pool.sharding.hash));
  out.text("hash_tag", pool.sharding.hash_tag);
  write_servers(out, pool);
  out.number("timeout_ms", pool.timeout_ms);
  out.number("stall_timeout_ms", pool.stall_timeout_ms);
  out.number("connect_timeout_ms", pool.connect_timeout_ms);
  out.number("server_connections", pool.server_connections);
  out.boolean("preconnect", pool.preconnect);
  out.boolean("auto_eject_hosts", pool.auto_eject_hosts);
  out.number("server_failure_limit", pool.server_failure_limit);
  out.number("server_retry_timeout_ms", pool.server_retry_timeout_ms);
  out.text("on_failure", kOnFailure[static_cast<std::size_t>(pool.on_failure)]);
  out.number("client_connections", pool.client_connections);
  out.size("max_request_size", pool.max_request_size);
  out.size("client_output_limit", pool.client_output_limit);
  out.number("server_pending_limit", pool.server_pending_limit);
  out.size("server_output_limit", pool.server_output_limit);
  out.number("client_idle_timeout_ms", pool.client_idle_timeout_ms);
  out.number("backlog", pool.backlog);
  out.boolean("tcp_keepalive", pool.tcp_keepalive);
  out.secret("password", pool.password);
  out.secret("client_password", pool.client_password);
  out.number("database", pool.database);
  out.boolean("fold_gets", pool.fold_gets);
  out.boolean("miss_on_error", pool.miss_on_error);
}

}  // namespace

std::string effective_config(const Config& config) {
  constexpr std::string_view kIo[] = {"auto", "uring", "epoll"};
  constexpr std::string_view kLevel[] = {"error", "warn", "info", "debug"};
  Writer out;
  out.section("[proxy]");
  out.number("threads", config.threads);
  out.text("io", kIo[static_cast<std::size_t>(config.io)]);
  out.size("memory_limit", config.memory_limit);
  out.text("log_level", kLevel[static_cast<std::size_t>(config.log_level)]);
  out.text("log_format", config.log_format == LogFormat::json ? "json" : "text");
  out.text("log_file", config.log_file);
  out.number("dns_refresh_ms", config.dns_refresh_ms);
  out.number("drain_timeout_ms", config.drain_timeout_ms);
  out.section("[admin]");
  out.text("listen", has_admin(config) ? to_string(config.admin_listen) : "");
  out.secret("token", config.admin_token);
  out.number("slow_ms", config.slow_ms);
  out.boolean("hot_keys", config.hot_keys);
  for (const PoolConfig& pool : config.pools) write_pool(out, pool);
  return out.take();
}

}  // namespace ringfold
