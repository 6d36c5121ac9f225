// Inline commands: what people type into telnet and health checks send. They are rewritten in array
// form, so that servers never see the client's own quoting.
//
// Behaviour is that of processInlineBuffer() and sdssplitargs() in Redis 7.0, compared with a live
// server 7.0.15, but for NUL: there Redis takes it for the end of what it has received and waits
// for more, here it is refused.
#include <cstring>

#include "ringfold/base/limits.h"
#include "ringfold/proto/resp.h"

namespace ringfold::resp {

namespace {

constexpr const char* kTooBig = "Protocol error: too big inline request";
constexpr const char* kUnbalanced = "Protocol error: unbalanced quotes in request";
constexpr const char* kNul = "Protocol error: NUL byte in inline request";

// isspace() of the C locale: what may stand between words.
bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// What ends a word outside quotes: fewer bytes than is_space(), as in sdssplitargs().
bool ends_word(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// Appends what one backslash sequence of a double-quoted string means; returns its size.
// Requires: text starts with a backslash and has a byte behind it.
std::size_t append_escape(std::string_view text, std::string& out) {
  if (text.size() >= 4 && text[1] == 'x') {
    const int high = hex_value(text[2]);
    const int low = hex_value(text[3]);
    if (high >= 0 && low >= 0) {
      out.push_back(static_cast<char>(high * 16 + low));
      return 4;
    }
  }
  out.push_back(unescape(text[1]));
  return 2;
}

// Appends a quoted string. text starts with its opening quote and is cut behind the closing one.
// False when that is missing, or something other than a blank follows it.
bool append_quoted(std::string_view& text, std::string& out) {
  const char quote = text[0];
  text.remove_prefix(1);
  while (!text.empty()) {
    if (text[0] == quote) {
      text.remove_prefix(1);
      return text.empty() || is_space(text[0]);
    }
    std::size_t used = 1;
    if (text[0] == '\\' && text.size() >= 2 && quote == '"') {
      used = append_escape(text, out);
    } else if (quote == '\'' && text.substr(0, 2) == "\\'") {
      out.push_back('\'');
      used = 2;
    } else {
      out.push_back(text[0]);
    }
    text.remove_prefix(used);
  }
  return false;
}

// Appends the word at the start of text, which is cut behind it. False: unbalanced quotes.
// A closing quote ends the word, an opening one does not start a new one: a"b c" is the word ab c.
bool append_word(std::string_view& text, std::string& out) {
  while (!text.empty() && !ends_word(text[0])) {
    if (text[0] == '"' || text[0] == '\'') return append_quoted(text, out);
    out.push_back(text[0]);
    text.remove_prefix(1);
  }
  return true;
}

void skip_spaces(std::string_view& text) {
  while (!text.empty() && is_space(text[0])) text.remove_prefix(1);
}

}  // namespace

InlineResult parse_inline(std::string_view in, std::string& out) {
  out.clear();
  InlineResult result;
  const std::string_view window = in.substr(0, std::size_t{kInlineLengthMax} + 1);
  const std::size_t newline = window.find('\n');
  if (newline == std::string_view::npos) {
    if (window.size() <= kInlineLengthMax) return result;
    result.status = ParseStatus::invalid;
    result.error = kTooBig;
    return result;
  }
  std::string_view line = window.substr(0, newline);
  result.status = ParseStatus::invalid;
  result.consumed = newline + 1;
  if (line.find('\0') != std::string_view::npos) {
    result.error = kNul;
    return result;
  }
  // A CR before the LF is a blank to the words, so it needs no care of its own.
  i64 words = 0;
  std::string header;
  for (skip_spaces(line); !line.empty(); skip_spaces(line)) {
    const std::size_t start = out.size();
    if (!append_word(line, out)) {
      out.clear();
      result.error = kUnbalanced;
      return result;
    }
    header.clear();
    encode_number_line(header, '$', static_cast<i64>(out.size() - start));
    out.insert(start, header);
    out.append("\r\n");
    ++words;
  }
  result.status = ParseStatus::complete;
  if (words == 0) return result;
  header.clear();
  encode_number_line(header, '*', words);
  out.insert(0, header);
  return result;
}

}  // namespace ringfold::resp
