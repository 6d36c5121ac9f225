#include "ringfold/config.h"

#include <fmt/core.h>
#include <sys/resource.h>

#include <map>
#include <utility>

#include "app/config_keys.h"
#include "app/config_values.h"
#include "app/config_warnings.h"
#include "app/document.h"
#include "app/endpoint.h"
#include "app/read_file.h"
#include "ringfold/base/assert.h"
#include "ringfold/base/limits.h"

namespace ringfold {
namespace {

constexpr std::string_view kDefaultConfig = R"([[pool]]
name = "default"
listen = "127.0.0.1:22121"
servers = ["127.0.0.1:6379:1"]
)";

// The admin endpoint where the file names none.
Endpoint default_admin() {
  return {"127.0.0.1", 22222, ""};
}

void check_pool_names(ErrorList& errors, const ConfigDraft& draft) {
  std::map<std::string_view, Position> seen;
  for (const PoolDraft& draft_pool : draft.pools) {
    if (draft_pool.pool.name.empty()) continue;
    const auto [first, is_new] = seen.emplace(draft_pool.pool.name, draft_pool.name);
    if (is_new) continue;
    errors.add(draft_pool.name, fmt::format("pool name {} is taken by the pool named in line {}; "
                                            "names of pools must differ",
                                            shown(draft_pool.pool.name), first->second.line));
  }
}

void check_server_names(ErrorList& errors, const PoolDraft& draft) {
  std::map<std::string_view, Position> seen;
  for (std::size_t i = 0; i < draft.pool.servers.size(); ++i) {
    const std::string& name = draft.pool.servers[i].name;
    const auto [first, is_new] = seen.emplace(name, draft.servers[i]);
    if (is_new) continue;
    errors.add(draft.servers[i],
               fmt::format("server name {} is taken by the server in line {}; give one of them a "
                           "name of its own",
                           shown(name), first->second.line));
  }
}

void check_listen(ErrorList& errors, const ConfigDraft& draft) {
  std::map<std::string, Position> seen;
  const auto check = [&](const Endpoint& endpoint, Position position) {
    const std::string text = to_string(endpoint);
    const auto [first, is_new] = seen.emplace(text, position);
    // The later of the two is the mistake, wherever [admin] stands.
    const auto [early, late] = std::minmax(first->second, position);
    if (is_new) return;
    errors.add(late, fmt::format("endpoint {} is already listened on, see line {}; every endpoint "
                                 "may be given once",
                                 shown(text), early.line));
  };
  if (draft.config.admin_configured && has_admin(draft.config))
    check(draft.config.admin_listen, draft.admin_listen);
  for (const PoolDraft& pool : draft.pools) {
    for (std::size_t i = 0; i < pool.listen.size(); ++i) check(pool.pool.listen[i], pool.listen[i]);
  }
}

void check_backend_connections(ErrorList& errors, const ConfigDraft& draft) {
  u64 count = 0;
  for (const PoolDraft& draft_pool : draft.pools) {
    const u64 before = count;
    count += u64{draft_pool.pool.server_connections} * draft_pool.pool.servers.size();
    if (before > kBackendConnectionsPerWorkerMax || count <= kBackendConnectionsPerWorkerMax) {
      continue;
    }
    errors.add(draft_pool.table,
               fmt::format("with this pool the file asks for {} server connections a worker "
                           "(server_connections times servers, all pools); at most {} are allowed",
                           count, kBackendConnectionsPerWorkerMax));
  }
}

void check_pool_count(ErrorList& errors, const ConfigDraft& draft) {
  if (draft.pools.size() > kPoolsMax) {
    errors.add(draft.pools[kPoolsMax].table,
               fmt::format("one [[pool]] too many: at most {} are allowed", kPoolsMax));
  }
}

tl::expected<ConfigDraft, std::vector<ConfigError>> read_draft(std::string_view text,
                                                               const std::string& file_name) {
  const auto document = parse_document(text, file_name);
  if (!document) return tl::unexpected(std::vector{document.error()});
  ErrorList errors(file_name);
  ConfigDraft draft;
  draft.config.admin_listen = default_admin();
  read_document(errors, *document, draft);
  check_pool_count(errors, draft);
  check_pool_names(errors, draft);
  check_listen(errors, draft);
  for (const PoolDraft& pool : draft.pools) check_server_names(errors, pool);
  check_backend_connections(errors, draft);
  if (!errors.empty()) return tl::unexpected(errors.take());
  return draft;
}

std::vector<std::vector<FilePlace>> server_places(const ConfigDraft& draft) {
  std::vector<std::vector<FilePlace>> places;
  for (const PoolDraft& pool : draft.pools) {
    places.emplace_back();
    for (const Position& server : pool.servers) {
      places.back().push_back({server.line, server.column});
    }
  }
  return places;
}

Config finish(ConfigDraft draft) {
  for (PoolDraft& pool : draft.pools) draft.config.pools.push_back(std::move(pool.pool));
  return std::move(draft.config);
}

ConfigError unreadable(const std::string& path, const Error& error) {
  return {path, 0, 0, fmt::format("cannot read the file: {}", error.text)};
}

}  // namespace

std::string to_string(const ConfigError& error) {
  if (error.line == 0) return fmt::format("{}: {}", error.file, error.message);
  return fmt::format("{}:{}:{}: {}", error.file, error.line, error.column, error.message);
}

tl::expected<Config, std::vector<ConfigError>> parse_config(std::string_view text,
                                                            const std::string& file_name) {
  auto draft = read_draft(text, file_name);
  if (!draft) return tl::unexpected(std::move(draft.error()));
  return finish(std::move(*draft));
}

tl::expected<Config, std::vector<ConfigError>> load_config(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return tl::unexpected(std::vector{unreadable(path, text.error())});
  return parse_config(*text, path);
}

tl::expected<ExaminedConfig, std::vector<ConfigError>> examine_config(std::string_view text,
                                                                      const std::string& file_name,
                                                                      u64 open_files_max) {
  auto draft = read_draft(text, file_name);
  if (!draft) return tl::unexpected(std::move(draft.error()));
  ErrorList warnings(file_name);
  find_warnings(warnings, *draft, open_files_max);
  auto places = server_places(*draft);
  return ExaminedConfig{finish(std::move(*draft)), std::move(places), warnings.take()};
}

tl::expected<ExaminedConfig, std::vector<ConfigError>> examine_config_file(
    const std::string& path) {
  const auto text = read_file(path);
  if (!text) return tl::unexpected(std::vector{unreadable(path, text.error())});
  rlimit limit{};
  // Without an answer, as without a limit, nothing is said of it.
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_max = RLIM_INFINITY;
  return examine_config(*text, path, limit.rlim_max);
}

Config default_config() {
  auto config = parse_config(kDefaultConfig, "embedded default");
  RINGFOLD_ASSERT(config.has_value());
  return std::move(*config);
}

}  // namespace ringfold
