#include "app/migrate/yaml_document.h"

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "app/endpoint.h"
#include "app/migrate/yaml_lines.h"

namespace ringfold {
namespace {

struct Mistake {
  Position position;
  std::string message;
};

using Lines = std::vector<std::string_view>;

// yaml-cpp counts from 0, columns in bytes.
Position to_position(const Lines& lines, const YAML::Mark& mark) {
  if (mark.line < 0 || mark.column < 0) return {};
  const auto line = static_cast<std::size_t>(mark.line);
  auto column = static_cast<std::size_t>(mark.column);
  if (line < lines.size()) {
    const std::string_view before = lines[line].substr(0, column);
    column -= static_cast<std::size_t>(std::ranges::count_if(
        before, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }));
  }
  return {static_cast<u32>(line) + 1, static_cast<u32>(column) + 1};
}

// Builds the tree from the events of the parser. Keeps the first mistake and builds on, because a
// handler cannot end the parsing.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const Lines& lines) : lines_(lines) {}

  const std::optional<Mistake>& mistake() const { return mistake_; }
  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (document_count_ > 0) refuse(mark, "a second document; twemproxy takes one in a file");
    document_count_ += 1;
  }
  void OnDocumentEnd() override {}

  // An empty value, or one of the words for it, which are plain words to twemproxy.
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(mark, "?", anchor);
    std::string_view word;
    const auto line = static_cast<std::size_t>(std::max(mark.line, 0));
    const auto column = static_cast<std::size_t>(std::max(mark.column, 0));
    if (line < lines_.size() && column <= lines_[line].size()) {
      const auto end = scalar_end(lines_[line], column);
      word = lines_[line].substr(column, end.value_or(column) - column);
    }
    const bool is_word = word == "~" || word == "null" || word == "Null" || word == "NULL";
    add(make_string(mark, is_word ? std::string(word) : ""));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "an alias (*); twemproxy takes none, write the value again");
    add(make_string(mark, ""));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check(mark, tag, anchor);
    if (!is_on_one_line(mark, value)) {
      refuse(mark, "a value that goes on in the next line; write it on one");
    }
    add(make_string(mark, value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(mark, tag, anchor, style, Node::Kind::array);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(mark, tag, anchor, style, Node::Kind::table);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    std::optional<Node> key;  // of a table: the one whose value is awaited
  };

  void refuse(const YAML::Mark& mark, std::string message) {
    if (!mistake_) mistake_ = Mistake{to_position(lines_, mark), std::move(message)};
  }

  void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) refuse(mark, "an anchor (&); twemproxy takes none");
    // yaml-cpp's own tags: "?" for plain scalars and collections, "!" for quoted ones.
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "a tag (!); twemproxy takes none");
  }

  bool is_on_one_line(const YAML::Mark& mark, const std::string& value) const {
    const auto number = static_cast<std::size_t>(std::max(mark.line, 0));
    const auto from = static_cast<std::size_t>(std::max(mark.column, 0));
    if (number >= lines_.size() || from >= lines_[number].size()) return false;
    const std::string_view line = lines_[number];
    const auto end = scalar_end(line, from);
    if (!end) return false;
    const bool is_quoted = line[from] == '"' || line[from] == '\'';
    return is_quoted || line.substr(from, *end - from) == value;
  }

  Node make_string(const YAML::Mark& mark, std::string text) const {
    Node node;
    node.kind = Node::Kind::string;
    node.position = to_position(lines_, mark);
    node.text = std::move(text);
    return node;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YAML::EmitterStyle::value style, Node::Kind kind) {
    check(mark, tag, anchor);
    if (style == YAML::EmitterStyle::Flow) {
      refuse(mark,
             "a value in brackets or braces; twemproxy takes none: quote it (\"{}\"), or "
             "write a list with one \"- \" a line");
    }
    Frame frame;
    frame.node.kind = kind;
    frame.node.position = to_position(lines_, mark);
    if (!frames_.empty() && frames_.back().node.is(Node::Kind::table) && !frames_.back().key) {
      refuse(mark, "a key must be a word");
    }
    frames_.push_back(std::move(frame));
  }

  void close() {
    Node node = std::move(frames_.back().node);
    frames_.pop_back();
    add(std::move(node));
  }

  void add(Node node) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.is(Node::Kind::array)) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.key) {
      frame.key = std::move(node);
    } else {
      // An absent value has no place of its own.
      const Position place = frame.key->position;
      if (node.is(Node::Kind::string) && node.text.empty()) node.position = place;
      frame.node.entries.push_back({std::move(frame.key->text), place, std::move(node)});
      frame.key.reset();
    }
  }

  const Lines& lines_;
  std::vector<Frame> frames_;
  Node root_;
  std::optional<Mistake> mistake_;
  u32 document_count_ = 0;
};

// True for text of one to four bytes at the front that is one code point; size is its bytes.
// Source: RFC 3629, section 4.
bool is_code_point(std::string_view text, std::size_t& size) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
  };
  const unsigned first = byte(0);
  size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first >= 0x80 && (first < 0xc2 || first > 0xf4)) return false;
  const unsigned second_min = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned second_max = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (size > 1 && (byte(1) < second_min || byte(1) > second_max)) return false;
  for (std::size_t at = 2; at < size; ++at) {
    if ((byte(at) & 0xc0) != 0x80) return false;
  }
  return true;
}

// Bytes that neither YAML nor TOML may hold.
std::optional<Mistake> find_bad_byte(const Lines& lines) {
  for (std::size_t number = 0; number < lines.size(); ++number) {
    const std::string_view line = lines[number];
    u32 column = 1;
    for (std::size_t at = 0; at < line.size(); ++column) {
      const Position position{static_cast<u32>(number) + 1, column};
      const auto byte = static_cast<unsigned char>(line[at]);
      if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
        return Mistake{position, "a control character"};
      }
      std::size_t size = 1;
      if (!is_code_point(line.substr(at), size)) {
        return Mistake{position, "bytes that are no UTF-8"};
      }
      at += size;
    }
  }
  return std::nullopt;
}

std::optional<Mistake> build_tree(std::string_view text, const Lines& lines, Node& tree) {
  TreeBuilder builder(lines);
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    while (!builder.mistake() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::ParserException& error) {
    return Mistake{to_position(lines, error.mark),
                   fmt::format("not valid YAML: {}", escape_control_bytes(error.msg))};
  } catch (const std::exception& error) {
    return Mistake{{}, fmt::format("not readable as YAML: {}", escape_control_bytes(error.what()))};
  }
  if (!builder.mistake()) tree = builder.take();
  return builder.mistake();
}

}  // namespace

tl::expected<Node, ConfigError> parse_yaml(std::string_view text, const std::string& file_name) {
  const Lines lines = split_lines(text);
  Node tree;
  std::optional<Mistake> mistake = find_bad_byte(lines);
  if (!mistake) mistake = build_tree(text, lines, tree);
  if (mistake) {
    return tl::unexpected(ConfigError{file_name, mistake->position.line, mistake->position.column,
                                      std::move(mistake->message)});
  }
  return tree;
}

}  // namespace ringfold
