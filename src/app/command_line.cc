#include "app/command_line.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <span>
#include <string_view>

namespace ringfold {
namespace {

constexpr int kBadUsage = 2;

constexpr const char* kFooter =
    "Without -c: one Redis pool on 127.0.0.1:22121 in front of 127.0.0.1:6379.\n"
    "Signals: SIGTERM and SIGINT drain, then exit (sent again: exit at once);\n"
    "         SIGHUP reloads the configuration, SIGUSR1 opens the log file again.\n"
    "Exit codes: 0 well, 1 bad configuration, 2 bad usage, 3 could not start.";

EarlyEnd bad_usage(const std::string& what) {
  return {kBadUsage, fmt::format("ringfold: {}; ringfold -h shows the usage\n", what)};
}

// The library speaks through exceptions; none of them leaves this file.
tl::expected<void, EarlyEnd> parse(CLI::App& app, int argument_count,
                                   const char* const* arguments) {
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::CallForHelp&) {
    return tl::unexpected(EarlyEnd{0, app.help()});
  } catch (const CLI::ParseError& error) {
    std::string what = error.what();
    while (what.ends_with('\n') || what.ends_with('.')) what.pop_back();
    return tl::unexpected(bad_usage(what));
  }
  return {};
}

CLI::App* add_route(CLI::App& app, RouteOptions& options, std::string& config) {
  auto* route = app.add_subcommand("route", "print which server holds a key");
  route->add_option("-c,--config", config, "the configuration file (TOML)")->type_name("FILE");
  route->add_option("--pool", options.pool, "the pool")->type_name("NAME")->required();
  route->add_flag("--hex", options.is_hex, "keys are given as hexadecimal digits");
  route->add_option("KEY", options.keys,
                    "keys, or - to read them from stdin, one a line; behind -- they may start "
                    "with -");
  return route;
}

CLI::App* add_migrate(CLI::App& app, MigrateOptions& options) {
  auto* migrate = app.add_subcommand("migrate", "print twemproxy's configuration as ringfold's");
  migrate->add_flag("--prove", options.is_proof,
                    "instead print how many of 100,000 sampled keys would move (none)");
  migrate->add_option("FILE", options.path, "twemproxy's configuration (nutcracker.yml)")
      ->required();
  return migrate;
}

CLI::App* add_diff(CLI::App& app, DiffOptions& options) {
  auto* diff = app.add_subcommand("diff", "print which keys another configuration moves");
  diff->add_option("BEFORE", options.before, "a configuration file (TOML)")->required();
  diff->add_option("AFTER", options.after, "another one")->required();
  diff->add_option("--pool", options.pool, "this pool only")->type_name("NAME");
  return diff;
}

CLI::App* add_top(CLI::App& app, TopOptions& options) {
  auto* top = app.add_subcommand("top", "watch a running ringfold; q ends it");
  top->add_option("URL", options.url,
                  "its admin endpoint; admin.token is taken from RINGFOLD_TOKEN")
      ->capture_default_str();
  top->add_flag("--once", options.is_once,
                "print one second as plain text, also when stdout is no terminal");
  return top;
}

}  // namespace

tl::expected<CommandLine, EarlyEnd> parse_command_line(int argument_count,
                                                       const char* const* arguments) {
  CommandLine line;
  CLI::App app("ringfold: a proxy for Redis", "ringfold");
  app.footer(kFooter);
  bool is_test = false;
  bool is_version = false;
  bool is_metrics_table = false;
  auto* config = app.add_option("-c,--config", line.config_path, "the configuration file (TOML)")
                     ->type_name("FILE");
  app.add_flag("-t,--test-conf", is_test, "check the configuration file, print every error, exit");
  app.add_flag("--connect", line.tries_servers,
               "with -t: also try each server, and warn of those that do not answer");
  app.add_flag("-V,--version", is_version, "print the version and what the kernel offers, exit");
  // For what is generated from it; an empty group is not shown.
  app.add_flag("--metrics-table", is_metrics_table, "print all metrics, exit")->group("");

  std::string route_config;
  const CLI::App* route = add_route(app, line.route, route_config);
  const CLI::App* migrate = add_migrate(app, line.migrate);
  const CLI::App* diff = add_diff(app, line.diff);
  const CLI::App* top = add_top(app, line.top);

  // The library takes "--" only in front of all keys, so it does not see it.
  const std::span<const char* const> all(arguments, static_cast<std::size_t>(argument_count));
  const auto mark = std::ranges::find(all, std::string_view("--"));
  const std::span<const char* const> plain(mark == all.end() ? mark : mark + 1, all.end());
  if (auto parsed = parse(app, static_cast<int>(mark - all.begin()), arguments); !parsed) {
    return tl::unexpected(parsed.error());
  }
  line.route.keys.insert(line.route.keys.end(), plain.begin(), plain.end());
  if (route->parsed() && line.route.keys.empty()) return tl::unexpected(bad_usage("no KEY given"));
  if (!route->parsed() && !plain.empty()) {
    return tl::unexpected(bad_usage("only route takes words behind --"));
  }
  if (is_version) {
    line.action = CommandLine::Action::version;
  } else if (is_metrics_table) {
    line.action = CommandLine::Action::metrics_table;
  } else if (route->parsed()) {
    line.action = CommandLine::Action::route;
    if (!route_config.empty()) line.config_path = route_config;
  } else if (migrate->parsed()) {
    line.action = CommandLine::Action::migrate;
  } else if (diff->parsed()) {
    line.action = CommandLine::Action::diff;
  } else if (top->parsed()) {
    line.action = CommandLine::Action::top;
    if (auto checked = check_top_url(line.top.url); !checked)
      return tl::unexpected(bad_usage(checked.error().text));
  } else if (is_test) {
    line.action = CommandLine::Action::test_config;
    if (config->count() == 0) return tl::unexpected(bad_usage("-t needs -c FILE"));
  }
  if (line.tries_servers && line.action != CommandLine::Action::test_config) {
    return tl::unexpected(bad_usage("--connect goes with -t"));
  }
  return line;
}

}  // namespace ringfold
