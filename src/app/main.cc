// ringfold: reads the command line and the configuration, and hands over to whom it concerns.
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "app/command_line.h"
#include "app/connect_check.h"
#include "app/diff.h"
#include "app/metrics.h"
#include "app/migrate/migrate.h"
#include "app/read_file.h"
#include "app/route.h"
#include "app/start.h"
#include "app/top/top.h"
#include "app/version.h"
#include "ringfold/config.h"

namespace ringfold {
namespace {

// What users and scripts rely on; see the contract.
enum ExitCode : int { kGood = 0, kBadConfiguration = 1, kBadUsage = 2, kCouldNotStart = 3 };

int say(const std::string& text, ExitCode code) {
  std::fputs(text.c_str(), code == kGood ? stdout : stderr);
  return code;
}

int say_failure(const Error& error, ExitCode code) {
  return say("ringfold: " + error.text + "\n", code);
}

tl::expected<Config, std::vector<ConfigError>> read_config(const CommandLine& line) {
  return line.config_path.empty() ? default_config() : load_config(line.config_path);
}

int say_errors(const std::vector<ConfigError>& errors) {
  std::string text;
  for (const ConfigError& error : errors) text += to_string(error) + "\n";
  return say(text, kBadConfiguration);
}

int run_migrate(const MigrateOptions& options) {
  const auto text = read_file(options.path);
  if (!text) {
    return say(fmt::format("{}: cannot read the file: {}\n", options.path, text.error().text),
               kBadConfiguration);
  }
  const auto migration = migrate(*text, options.path);
  if (!migration) return say_errors(migration.error());
  if (options.is_proof) {
    const Proof proof = prove(migration->pools, migration->config);
    std::fputs(proof.report.c_str(), stdout);
    return proof.holds ? kGood : kBadConfiguration;
  }
  for (const std::string& warning : migration->warnings) fmt::print(stderr, "{}\n", warning);
  return say(migration->toml, kGood);
}

int run_diff(const DiffOptions& options) {
  const auto before = load_config(options.before);
  const auto after = load_config(options.after);
  std::vector<ConfigError> errors;
  for (const auto* config : {&before, &after}) {
    if (!*config) errors.insert(errors.end(), config->error().begin(), config->error().end());
  }
  if (!errors.empty()) return say_errors(errors);
  const auto text = describe_difference(*before, *after, options);
  return text ? say(*text, kGood) : say_failure(text.error(), kBadUsage);
}

int run_test(const std::string& path, bool tries_servers) {
  auto examined = examine_config_file(path);
  if (!examined) return say_errors(examined.error());
  std::vector<ConfigError>& warnings = examined->warnings;
  if (tries_servers) {
    const auto unreachable = find_unreachable_servers(*examined, path);
    warnings.insert(warnings.end(), unreachable.begin(), unreachable.end());
    std::ranges::stable_sort(warnings, {}, [](const ConfigError& warning) {
      return std::pair(warning.line, warning.column);
    });
  }
  for (ConfigError warning : warnings) {
    warning.message.insert(0, "warning: ");
    fmt::print(stderr, "{}\n", to_string(warning));
  }
  return say(path + ": configuration ok\n", kGood);
}

int run(const CommandLine& line) {
  if (line.action == CommandLine::Action::version) return say(describe_version(), kGood);
  if (line.action == CommandLine::Action::metrics_table) return say(metrics_table(), kGood);
  if (line.action == CommandLine::Action::migrate) return run_migrate(line.migrate);
  if (line.action == CommandLine::Action::diff) return run_diff(line.diff);
  if (line.action == CommandLine::Action::test_config)
    return run_test(line.config_path, line.tries_servers);
  if (line.action == CommandLine::Action::top) {
    const auto code = run_top(line.top);
    return code ? *code : say_failure(code.error(), kCouldNotStart);
  }
  auto config = read_config(line);
  if (!config) return say_errors(config.error());
  if (line.action == CommandLine::Action::route) {
    const auto routed = run_route(*config, line.route, stdin, stdout);
    return routed ? kGood : say_failure(routed.error(), kBadUsage);
  }
  const auto code = supervise(std::move(*config), line.config_path);
  return code ? *code : say_failure(code.error(), kCouldNotStart);
}

}  // namespace
}  // namespace ringfold

int main(int argument_count, char** arguments) {
  const auto line = ringfold::parse_command_line(argument_count, arguments);
  if (line) return ringfold::run(*line);
  std::fputs(line.error().text.c_str(), line.error().code == 0 ? stdout : stderr);
  return line.error().code;
}
