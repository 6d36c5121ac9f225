#include "app/reload.h"

#include <fmt/core.h>

#include <utility>

#include "app/config_changes.h"
#include "app/endpoint.h"

namespace ringfold {
namespace {

using Refusal = tl::unexpected<std::vector<std::string>>;

Refusal refuse(const Error& error) {
  return Refusal({error.text});
}

// What only a start can change stays as it is.
void keep_what_needs_a_restart(Config& next, const Config& present, ReloadReport& report) {
  const auto keep = [&](const char* key, auto& value, const auto& present_value) {
    if (value == present_value) return;
    value = present_value;
    report.warnings.push_back(
        fmt::format("{} is another one: that takes a restart, the present one stays in use", key));
  };
  keep("proxy.threads", next.threads, present.threads);
  keep("proxy.io", next.io, present.io);
  keep("proxy.takeover_socket", next.takeover_socket, present.takeover_socket);
  keep("admin.listen", next.admin_listen, present.admin_listen);
  next.admin_configured = present.admin_configured;
}

tl::expected<Config, std::vector<std::string>> read_next(const std::string& path,
                                                         const Config& present,
                                                         ReloadReport& report) {
  if (path.empty()) {
    return Refusal({"there is no file to read again: ringfold was started without -c"});
  }
  auto examined = examine_config_file(path);
  std::vector<std::string> lines;
  if (!examined) {
    for (const ConfigError& error : examined.error()) lines.push_back(to_string(error));
    return Refusal(std::move(lines));
  }
  for (const ConfigError& warning : examined->warnings)
    report.warnings.push_back(to_string(warning));
  keep_what_needs_a_restart(examined->config, present, report);
  return std::move(examined->config);
}

}  // namespace

tl::expected<Reload, std::vector<std::string>> prepare_reload(
    const std::string& path, const Snapshot& present, const Names& names, Listeners& listeners,
    ClientCounts& counts, Nanos names_limit) {
  ReloadReport report;
  auto config = read_next(path, present.config, report);
  if (!config) return tl::unexpected(config.error());
  auto log = Log::open({config->log_file, config->log_level, config->log_format});
  if (!log) return refuse(log.error());
  report.lines = describe_changes(present.config, *config);
  auto built = build_snapshot(std::move(*config), counts);
  if (!built) return refuse(built.error());
  auto snapshot = std::make_unique<Snapshot>(std::move(*built));
  snapshot->generation = present.generation + 1;
  auto next_names = names.open_next(*snapshot, look_up_host);
  if (!next_names) return refuse(next_names.error());
  // Last, because it is the only step that others see.
  if (auto opened = listeners.open(*snapshot); !opened) return refuse(opened.error());
  std::vector<NameNote> notes = next_names->wait_for_first_round(*snapshot, names_limit);
  report.is_applied = true;
  return Reload{std::move(snapshot), std::move(*next_names), std::move(*log), std::move(notes),
                std::move(report)};
}

}  // namespace ringfold
