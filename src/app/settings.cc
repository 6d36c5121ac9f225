#include "app/settings.h"

#include <fmt/core.h>

#include "app/config_values.h"
#include "app/toml_string.h"

namespace ringfold {
namespace {

std::string text_of(u64 number) {
  return fmt::format("{}", number);
}
std::string text_of(bool flag) {
  return flag ? "true" : "false";
}
std::string size_text(u64 bytes) {
  const bool has_unit = bytes != 0 && bytes % 1_KiB == 0;
  return has_unit ? toml_string(format_size(bytes)) : text_of(bytes);
}

std::string_view word_of(IoKind kind) {
  switch (kind) {
    case IoKind::automatic:
      return "auto";
    case IoKind::uring:
      return "uring";
    case IoKind::epoll:
      return "epoll";
  }
  return "";
}

std::string_view word_of(OnFailure what) {
  switch (what) {
    case OnFailure::rehash:
      return "rehash";
    case OnFailure::error:
      return "error";
    case OnFailure::miss:
      return "miss";
  }
  return "";
}

std::string listen_text(const std::vector<Endpoint>& endpoints) {
  if (endpoints.size() == 1) return toml_string(to_string(endpoints.front()));
  std::string out = "[";
  for (const Endpoint& endpoint : endpoints) {
    if (out.size() > 1) out += ", ";
    out += toml_string(to_string(endpoint));
  }
  return out += "]";
}

}  // namespace

std::string_view log_level_name(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return "error";
    case LogLevel::warn:
      return "warn";
    case LogLevel::info:
      return "info";
    case LogLevel::debug:
      return "debug";
  }
  return "?";
}

std::string shown_value(const Setting& setting) {
  return setting.is_secret && setting.value != "\"\"" ? "\"***\"" : setting.value;
}

std::vector<Setting> proxy_settings(const Config& config) {
  return {
      {"threads", text_of(u64{config.threads})},
      {"io", toml_string(word_of(config.io))},
      {"memory_limit", size_text(config.memory_limit)},
      {"log_level", toml_string(log_level_name(config.log_level))},
      {"log_format", config.log_format == LogFormat::json ? "\"json\"" : "\"text\""},
      {"log_file", toml_string(config.log_file)},
      {"dns_refresh_ms", text_of(u64{config.dns_refresh_ms})},
      {"drain_timeout_ms", text_of(u64{config.drain_timeout_ms})},
      {"takeover_socket", toml_string(config.takeover_socket)},
  };
}

std::vector<Setting> admin_settings(const Config& config) {
  return {
      {"listen", toml_string(has_admin(config) ? to_string(config.admin_listen) : "")},
      {"token", toml_string(config.admin_token), true},
      {"slow_ms", text_of(u64{config.slow_ms})},
      {"hot_keys", text_of(config.hot_keys)},
  };
}

std::vector<Setting> pool_settings(const PoolConfig& pool) {
  const bool is_memcached = pool.protocol == Protocol::memcached;
  return {
      {"protocol", is_memcached ? "\"memcached\"" : "\"redis\""},
      {"listen", listen_text(pool.listen)},
      {"distribution", toml_string(to_string(pool.sharding.distribution))},
      {"hash", toml_string(to_string(pool.sharding.hash))},
      {"hash_tag", toml_string(pool.sharding.hash_tag)},
      {"timeout_ms", text_of(u64{pool.timeout_ms})},
      {"stall_timeout_ms", text_of(u64{pool.stall_timeout_ms})},
      {"connect_timeout_ms", text_of(u64{pool.connect_timeout_ms})},
      {"server_connections", text_of(u64{pool.server_connections})},
      {"preconnect", text_of(pool.preconnect)},
      {"auto_eject_hosts", text_of(pool.auto_eject_hosts)},
      {"server_failure_limit", text_of(u64{pool.server_failure_limit})},
      {"server_retry_timeout_ms", text_of(u64{pool.server_retry_timeout_ms})},
      {"on_failure", toml_string(word_of(pool.on_failure))},
      {"client_connections", text_of(u64{pool.client_connections})},
      {"max_request_size", size_text(pool.max_request_size)},
      {"client_output_limit", size_text(pool.client_output_limit)},
      {"server_pending_limit", text_of(u64{pool.server_pending_limit})},
      {"server_output_limit", size_text(pool.server_output_limit)},
      {"client_idle_timeout_ms", text_of(u64{pool.client_idle_timeout_ms})},
      {"backlog", text_of(u64{pool.backlog})},
      {"tcp_keepalive", text_of(pool.tcp_keepalive)},
      {"password", toml_string(pool.password), true},
      {"client_password", toml_string(pool.client_password), true},
      {"database", text_of(u64{pool.database})},
      {"fold_gets", text_of(pool.fold_gets)},
      {"miss_on_error", text_of(pool.miss_on_error)},
  };
}

}  // namespace ringfold
