#include "app/document.h"

// The library would otherwise throw; its shared object (which pkg-config asks for) is built so.
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>

#include "app/document_scan.h"
#include "app/endpoint.h"

namespace ringfold {
namespace {

// No key of the configuration stands deeper than this (pool, servers, a server's table, its value);
// what is deeper is an error by its parent's key alone, so its content is not needed.
constexpr u32 kDepthMax = 8;

Position to_position(const toml::source_position& source) {
  return {std::max<u32>(source.line, 1), std::max<u32>(source.column, 1)};
}

Node convert(const toml::node& source, u32 depth);

void convert_table(const toml::table& source, u32 depth, Node& node) {
  for (auto&& [key, value] : source) {
    node.entries.push_back(
        {std::string(key.str()), to_position(key.source().begin), convert(value, depth + 1)});
  }
  // The library sorts by key; errors are reported in the order of the file.
  std::ranges::stable_sort(node.entries, {}, &Entry::position);
}

Node convert(const toml::node& source, u32 depth) {
  Node node;
  node.position = to_position(source.source().begin);
  switch (source.type()) {
    case toml::node_type::string:
      node.kind = Node::Kind::string;
      node.text = source.as_string()->get();
      break;
    case toml::node_type::integer:
      node.kind = Node::Kind::integer;
      node.integer = source.as_integer()->get();
      break;
    case toml::node_type::boolean:
      node.kind = Node::Kind::boolean;
      node.boolean = source.as_boolean()->get();
      break;
    case toml::node_type::floating_point:
      node.kind = Node::Kind::floating;
      break;
    case toml::node_type::array:
      node.kind = Node::Kind::array;
      if (depth == kDepthMax) break;
      for (const toml::node& item : *source.as_array()) {
        node.items.push_back(convert(item, depth + 1));
      }
      break;
    case toml::node_type::table:
      node.kind = Node::Kind::table;
      if (depth == kDepthMax) break;
      convert_table(*source.as_table(), depth, node);
      break;
    default:
      node.kind = Node::Kind::date_time;
      break;
  }
  return node;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

bool names_secret(std::string_view line) {
  const std::string lower = lower_case(line);
  return lower.find("pass") != std::string::npos || lower.find("auth") != std::string::npos;
}

// True when the mistake stands in, or behind the unfinished value of, a key that holds a secret:
// the line itself or the nearest line above it with a '=' speaks of one.
bool touches_secret(std::string_view text, u32 line_number) {
  std::vector<std::string_view> lines;
  while (lines.size() < line_number && !text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (lines.empty()) return false;
  if (names_secret(lines.back())) return true;
  lines.pop_back();
  while (!lines.empty()) {
    if (lines.back().find('=') != std::string_view::npos) return names_secret(lines.back());
    lines.pop_back();
  }
  return false;
}

std::string describe_mistake(std::string_view text, const toml::parse_error& error) {
  if (touches_secret(text, error.source().begin.line)) {
    return "not valid TOML near a password (whose text is not shown); a password is a string in "
           "double quotes on one line, in which \\ and \" are written \\\\ and \\\"";
  }
  return fmt::format("not valid TOML: {}", escape_control_bytes(error.description()));
}

}  // namespace

std::string_view describe(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::string:
      return "a string";
    case Node::Kind::integer:
      return "an integer";
    case Node::Kind::floating:
      return "a float";
    case Node::Kind::boolean:
      return "a boolean";
    case Node::Kind::date_time:
      return "a date or time";
    case Node::Kind::array:
      return "an array";
    case Node::Kind::table:
      return "a table";
  }
  return "a value";
}

tl::expected<Node, ConfigError> parse_document(std::string_view text,
                                               const std::string& file_name) {
  if (auto mistake = scan_document(text)) {
    return tl::unexpected(ConfigError{file_name, mistake->position.line, mistake->position.column,
                                      "not valid TOML: " + mistake->message});
  }
  toml::parse_result result = toml::parse(text, std::string_view(file_name));
  if (result.failed()) {
    const Position position = to_position(result.error().source().begin);
    return tl::unexpected(ConfigError{file_name, position.line, position.column,
                                      describe_mistake(text, result.error())});
  }
  return convert(result.table(), 0);
}

}  // namespace ringfold
