#include "app/migrate/migrate.h"

#include <fmt/core.h>

#include <algorithm>

#include "app/migrate/comments.h"
#include "app/migrate/translate.h"

namespace ringfold {
namespace {

std::vector<ContentLine> content_lines(const std::vector<NutcrackerPool>& pools) {
  std::vector<ContentLine> lines;
  for (const NutcrackerPool& pool : pools) {
    lines.push_back({pool.position.line, true});
    for (const NutcrackerKey& key : pool.keys) lines.push_back({key.position.line, false});
    for (const NutcrackerServer& server : pool.servers) {
      lines.push_back({server.position.line, false});
    }
  }
  std::ranges::sort(lines, {}, &ContentLine::line);
  return lines;
}

// What ringfold's reader says of a line of the translation, said of the line it comes from.
std::vector<ConfigError> at_origins(std::vector<ConfigError> errors, const Translation& translation,
                                    const std::string& file_name) {
  for (ConfigError& error : errors) {
    Position origin;
    if (error.line > 0 && error.line <= translation.origins.size()) {
      origin = translation.origins[error.line - 1];
    }
    error = {file_name, origin.line, origin.column,
             fmt::format("ringfold cannot take this over: {}", error.message)};
  }
  return errors;
}

}  // namespace

tl::expected<Migration, std::vector<ConfigError>> migrate(std::string_view text,
                                                          const std::string& file_name) {
  auto pools = read_nutcracker_file(text, file_name);
  if (!pools) return tl::unexpected(pools.error());
  Translation translation = translate(*pools, find_comments(text, content_lines(*pools)));
  auto config = parse_config(translation.toml, file_name);
  if (!config) {
    return tl::unexpected(at_origins(std::move(config.error()), translation, file_name));
  }
  Migration migration;
  for (const Warning& warning : translation.warnings) {
    migration.warnings.push_back(
        to_string(ConfigError{file_name, warning.position.line, warning.position.column,
                              fmt::format("warning: {}", warning.text)}));
  }
  migration.pools = std::move(*pools);
  migration.toml = std::move(translation.toml);
  migration.config = std::move(*config);
  return migration;
}

}  // namespace ringfold
