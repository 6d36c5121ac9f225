#include "app/document_scan.h"

#include <fmt/core.h>

#include <algorithm>

namespace ringfold {
namespace {

// What the configuration needs at most: proxy.threads, and pool = [{ servers = [{ ... }] }].
constexpr u32 kKeyDotsMax = 8;
constexpr std::size_t kNestingMax = 16;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool starts_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '"' || c == '\'';
}

bool is_value_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("+-_.").find(c) != std::string_view::npos;
}

// "1979-0"
bool starts_date(std::string_view text) {
  constexpr std::string_view kForm = "dddd-d";
  if (text.size() < kForm.size()) return false;
  return std::ranges::equal(kForm, text.substr(0, kForm.size()), [](char form, char c) {
    return form == 'd' ? c >= '0' && c <= '9' : c == form;
  });
}

class Scan {
 public:
  explicit Scan(std::string_view text) : text_(text) {
    if (text_.starts_with(kByteOrderMark)) at_ = line_start_ = kByteOrderMark.size();
  }

  std::optional<ScanMistake> run() {
    while (at_ < text_.size()) {
      if (auto mistake = step()) return mistake;
    }
    return std::nullopt;
  }

 private:
  std::optional<ScanMistake> step() {
    const char c = text_[at_];
    if (is_control(at_)) return control_mistake();
    if (static_cast<unsigned char>(c) >= 0x80) {
      return mistake("a character outside ASCII; it may stand only in comments and quoted strings");
    }
    if (c == '#') return skip_comment();
    if (c == '"' || c == '\'') {
      is_line_fresh_ = false;
      return skip_string(c);
    }
    if (c == '\n') {
      start_line();
      return std::nullopt;
    }
    if (c == '[' && is_line_fresh_ && open_.empty()) return skip_header_start();
    return count(c);
  }

  // Dots and nesting.
  std::optional<ScanMistake> count(char c) {
    if (c == ':' || starts_date(text_.substr(at_))) {
      return mistake(
          "a date, a time or a \":\" outside of quotes; text is written in quotes, and no key "
          "takes a date");
    }
    if (!is_blank(c) && c != '\r') is_line_fresh_ = false;
    if (std::string_view("=,[]{}").find(c) != std::string_view::npos) dots_ = 0;
    if (c == '=') return skip_equals();
    if (c == '.') dots_ += 1;
    if (dots_ > kKeyDotsMax) {
      return mistake(
          fmt::format("a key with more than {} dots; no key is nested that deep", kKeyDotsMax));
    }
    if ((c == '[' || c == '{') && !follows(" \t\n=,[")) {
      return mistake(fmt::format("a \"{}\" in the middle of a word", c));
    }
    if (c == '[') open_.push_back(']');
    if (c == '{') open_.push_back('}');
    if (open_.size() > kNestingMax) {
      return mistake(
          fmt::format("more than {} brackets open; no value is nested that deep", kNestingMax));
    }
    // With nothing open a ']' ends a table header, and any other is for the parser to refuse.
    if ((c == ']' || c == '}') && !open_.empty()) {
      if (open_.back() != c) {
        return mistake(fmt::format("\"{}\" where \"{}\" has to come first", c, open_.back()));
      }
      open_.pop_back();
    }
    at_ += 1;
    return std::nullopt;
  }

  // "[" or "[[" at the start of a line, up to the key behind it.
  std::optional<ScanMistake> skip_header_start() {
    is_line_fresh_ = false;
    at_ += text_.substr(at_, 2) == "[[" ? 2 : 1;
    while (at_ < text_.size() && is_blank(text_[at_])) at_ += 1;
    if (at_ == text_.size() || starts_key(text_[at_])) return std::nullopt;
    return mistake("a table header must begin with its name, such as [proxy] or [[pool]]");
  }

  // "=" and the value behind it where that is a bare word. The library looks for the end of a
  // number without regard to quotes, so nothing but blanks, separators and comments may follow the
  // word.
  std::optional<ScanMistake> skip_equals() {
    if (in_array()) return mistake("a \"=\" in an array");
    at_ += 1;
    while (at_ < text_.size() && is_blank(text_[at_])) at_ += 1;
    const std::size_t start = at_;
    while (at_ < text_.size() && is_value_character(text_[at_])) {
      if (starts_date(text_.substr(at_))) return count(text_[at_]);
      at_ += 1;
    }
    if (at_ == start || at_ == text_.size() || text_[at_] == ':') return std::nullopt;
    if (std::string_view(" \t\r\n,]}#").find(text_[at_]) != std::string_view::npos) {
      return std::nullopt;
    }
    if (static_cast<unsigned char>(text_[at_]) >= 0x80 || is_control(at_)) return step();
    return mistake("a value that is no string, number, true or false; text is written in quotes");
  }

  bool in_array() const { return !open_.empty() && open_.back() == ']'; }

  // The byte before the current one is one of these; the start of the text counts as a line's end.
  bool follows(std::string_view allowed) const {
    const char before = at_ == line_start_ ? '\n' : text_[at_ - 1];
    return allowed.find(before) != std::string_view::npos;
  }

  std::optional<ScanMistake> skip_comment() {
    while (at_ < text_.size() && text_[at_] != '\n') {
      if (is_control(at_)) return control_mistake();
      at_ += 1;
    }
    return std::nullopt;
  }

  // TOML forbids them everywhere: what is not tab, line feed, or carriage return before line feed.
  bool is_control(std::size_t at) const {
    const auto byte = static_cast<unsigned char>(text_[at]);
    if (byte == '\r') return text_.substr(at + 1, 1) != "\n";
    return (byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7f;
  }

  ScanMistake control_mistake() const {
    return mistake("a control character; TOML allows none but tab and the ends of lines");
  }

  std::optional<ScanMistake> skip_string(char quote) {
    if (text_.substr(at_, 3) == std::string(3, quote)) {
      return mistake("a string in triple quotes; write it on one line in single or double quotes");
    }
    // A dot stands before a quote only in a key.
    const bool is_key_part = !in_array() && follows(".");
    if (!is_key_part && !follows(" \t\n=,[{")) {
      return mistake("a quote in the middle of a word; a string is quoted as a whole");
    }
    at_ += 1;
    while (at_ < text_.size() && text_[at_] != '\n') {
      if (is_control(at_)) return control_mistake();
      const char c = text_[at_];
      at_ += 1;
      if (c == quote) return std::nullopt;
      // What is escaped does not close the string; a line break still ends the scan of it.
      if (c == '\\' && quote == '"' && at_ < text_.size() && text_[at_] != '\n') at_ += 1;
    }
    // Unterminated: the parser stops here and says so.
    return std::nullopt;
  }

  void start_line() {
    at_ += 1;
    line_ += 1;
    line_start_ = at_;
    is_line_fresh_ = true;
    dots_ = 0;
  }

  // Columns count code points, as the library's do: continuation bytes are left out.
  ScanMistake mistake(std::string message) const {
    const auto column = std::ranges::count_if(
        text_.substr(line_start_, at_ - line_start_),
        [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
    return {{line_, static_cast<u32>(column + 1)}, std::move(message)};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  u32 line_ = 1;
  std::size_t line_start_ = 0;
  bool is_line_fresh_ = true;  // only blanks so far
  std::string open_;           // the closing brackets and braces still to come
  u32 dots_ = 0;               // in the key that may be under way
};

}  // namespace

std::optional<ScanMistake> scan_document(std::string_view text) {
  return Scan(text).run();
}

}  // namespace ringfold
