#include "app/migrate/yaml_lines.h"

#include <algorithm>

namespace ringfold {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool is_blank_or_end(std::string_view line, std::size_t at) {
  return at >= line.size() || is_blank(line[at]);
}

std::size_t skip_blanks(std::string_view line, std::size_t at) {
  while (at < line.size() && is_blank(line[at])) at += 1;
  return at;
}

std::optional<std::size_t> double_quoted_end(std::string_view line, std::size_t from) {
  for (std::size_t at = from + 1; at < line.size(); ++at) {
    if (line[at] == '"') return at + 1;
    if (line[at] == '\\') at += 1;
  }
  return std::nullopt;
}

std::optional<std::size_t> single_quoted_end(std::string_view line, std::size_t from) {
  for (std::size_t at = from + 1; at < line.size(); ++at) {
    if (line[at] != '\'') continue;
    if (at + 1 == line.size() || line[at + 1] != '\'') return at + 1;
    at += 1;  // two quotes are one in the text
  }
  return std::nullopt;
}

std::size_t plain_end(std::string_view line, std::size_t from) {
  std::size_t end = from;
  for (std::size_t at = from; at < line.size(); ++at) {
    if (line[at] == '#' && at > from && is_blank(line[at - 1])) break;
    if (line[at] == ':' && is_blank_or_end(line, at + 1)) break;
    if (!is_blank(line[at])) end = at + 1;
  }
  return end;
}

}  // namespace

std::vector<std::string_view> split_lines(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool is_blank_line(std::string_view line) {
  return skip_blanks(line, 0) == line.size();
}

bool is_comment_line(std::string_view line) {
  const std::size_t at = skip_blanks(line, 0);
  return at < line.size() && line[at] == '#';
}

std::size_t indent_of(std::string_view line) {
  return skip_blanks(line, 0);
}

std::optional<std::size_t> scalar_end(std::string_view line, std::size_t from) {
  if (from >= line.size()) return from;
  if (line[from] == '"') return double_quoted_end(line, from);
  if (line[from] == '\'') return single_quoted_end(line, from);
  return plain_end(line, from);
}

std::string_view comment_behind(std::string_view line) {
  std::size_t at = skip_blanks(line, 0);
  while (at < line.size() && line[at] == '-' && is_blank_or_end(line, at + 1)) {
    at = skip_blanks(line, at + 1);
  }
  // A line holds a key and its value at most.
  for (int scalar = 0; scalar < 2 && at < line.size() && line[at] != '#'; ++scalar) {
    const auto end = scalar_end(line, at);
    if (!end) return "";
    at = skip_blanks(line, *end);
    if (at == line.size() || line[at] != ':') break;
    at = skip_blanks(line, at + 1);
  }
  const bool is_comment = at > 0 && at < line.size() && line[at] == '#' && is_blank(line[at - 1]);
  return is_comment ? line.substr(at) : "";
}

}  // namespace ringfold
