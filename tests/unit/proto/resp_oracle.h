// Slow readers of RESP that are obviously right: the twins the fast parsers are held against. They
// see all bytes at once, keep no progress and recurse where the grammar does. What they check and
// in which order is what docs and a live redis-server 7.0.15 say; how they do it has nothing in
// common with src/proto.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/ints.h"
#include "ringfold/base/limits.h"
#include "ringfold/proto/protocol.h"

namespace ringfold::resp::testing {

// A number is canonical when printing it gives the text again.
inline std::optional<i64> canonical_number(std::string_view text) {
  i64 value = 0;
  const char* const end = text.data() + text.size();
  const std::from_chars_result result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  if (std::to_string(value) != text) return std::nullopt;
  return value;
}

struct OracleRequest {
  ParseStatus status = ParseStatus::incomplete;
  u64 size = 0;
  bool count_known = false;
  std::string error;
  std::vector<std::string> arguments;
};

class RequestOracle {
 public:
  RequestOracle(std::string_view in, u64 max_size) : in_(in), max_size_(max_size) {}

  OracleRequest read() {
    std::string line;
    if (!read_line("mbulk", "multibulk", line)) return result_;
    const std::optional<i64> count = canonical_number(line.substr(1));
    if (line[0] != '*' || !count || *count > i64{kArgumentsMax}) {
      return fail("invalid multibulk length");
    }
    result_.count_known = true;
    for (i64 left = *count; left > 0; --left) {
      if (!fits(0, left)) return fail("request larger than max_request_size");
      if (!read_argument(left)) return result_;
    }
    if (!fits(0, 0)) return fail("request larger than max_request_size");
    result_.status = ParseStatus::complete;
    result_.size = position_;
    return result_;
  }

 private:
  OracleRequest fail(const std::string& words) {
    result_.status = ParseStatus::invalid;
    result_.error = "Protocol error: " + words;
    return result_;
  }

  // Can a request that needs `bytes` more, and then `arguments` empty ones, still be small enough?
  bool fits(u64 bytes, i64 arguments) const {
    return position_ + bytes + static_cast<u64>(arguments) * 6 <= max_size_;
  }

  // A line of at least one byte (the type) up to CR LF.
  bool read_line(const std::string& size_word, const std::string& kind, std::string& line) {
    for (u64 i = position_; i < in_.size() && i <= position_ + kInlineLengthMax; ++i) {
      if (in_[i] != '\r') continue;
      if (i + 1 == in_.size()) return false;
      line = std::string(in_.substr(position_, i - position_));
      const bool newline = in_[i + 1] == '\n';
      if (kind == "bulk" && (line.empty() || line[0] != '$')) {
        const char got = line.empty() || line[0] == '\n' || line[0] == '\0' ? ' ' : line[0];
        fail(std::string("expected '$', got '") + got + "'");
        return false;
      }
      if (line.empty() || !newline) {
        fail("invalid " + kind + " length");
        return false;
      }
      position_ = i + 2;
      return true;
    }
    if (in_.size() - position_ > kInlineLengthMax) fail("too big " + size_word + " count string");
    return false;
  }

  bool read_argument(i64 left) {
    std::string line;
    if (!read_line("bulk", "bulk", line)) return false;
    const std::optional<i64> length = canonical_number(line.substr(1));
    if (!length || *length < 0 || *length > static_cast<i64>(kBulkLengthMax)) {
      fail("invalid bulk length");
      return false;
    }
    const u64 bytes = static_cast<u64>(*length);
    if (!fits(bytes + 2, left - 1)) {
      fail("request larger than max_request_size");
      return false;
    }
    if (in_.size() - position_ < bytes + 2) return false;
    if (in_.substr(position_ + bytes, 2) != "\r\n") {
      fail("invalid bulk terminator");
      return false;
    }
    result_.arguments.emplace_back(in_.substr(position_, bytes));
    position_ += bytes + 2;
    return true;
  }

  std::string_view in_;
  u64 max_size_;
  u64 position_ = 0;
  OracleRequest result_;
};

struct OracleReply {
  ParseStatus status = ParseStatus::incomplete;
  u64 size = 0;
};

class ReplyOracle {
 public:
  explicit ReplyOracle(std::string_view in) : in_(in) {}

  OracleReply read() {
    const ParseStatus status = read_element();
    return {status, position_};
  }

 private:
  static constexpr i64 kNumberMax = i64{1} << 40;

  ParseStatus read_element() {
    if (position_ == in_.size()) return ParseStatus::incomplete;
    const char type = in_[position_++];
    if (std::string_view("+-:$*").find(type) == std::string_view::npos) return ParseStatus::invalid;
    if (type == '+' || type == '-') {
      while (position_ < in_.size() && in_[position_] != '\r') ++position_;
      return finish(read_text("\r\n"));
    }
    i64 number = 0;
    const ParseStatus header = read_number(type, number);
    if (header != ParseStatus::complete) return header;
    if (type == '$' && number >= 0) {
      const u64 left = in_.size() - position_;
      if (left < static_cast<u64>(number)) return ParseStatus::incomplete;
      position_ += static_cast<u64>(number);
      return finish(read_text("\r\n"));
    }
    if (type == '*' && number > 0) {
      outstanding_ += number - 1;
      if (outstanding_ > kNumberMax) return ParseStatus::invalid;
      for (i64 i = 0; i < number; ++i) {
        const ParseStatus status = read_element();
        if (status != ParseStatus::complete) return status;
      }
      return ParseStatus::complete;
    }
    return finish(ParseStatus::complete);
  }

  ParseStatus finish(ParseStatus status) {
    if (status == ParseStatus::complete) --outstanding_;
    return status;
  }

  // Exactly these bytes must follow.
  ParseStatus read_text(std::string_view text) {
    for (const char c : text) {
      if (position_ == in_.size()) return ParseStatus::incomplete;
      if (in_[position_++] != c) return ParseStatus::invalid;
    }
    return ParseStatus::complete;
  }

  static bool allowed(char type, i64 number) {
    return type == ':' || (number >= -1 && number <= kNumberMax);
  }

  // Every prefix of a good number is "", "-" or a good number, so a wrong byte shows at once.
  ParseStatus read_number(char type, i64& number) {
    std::string text;
    while (position_ < in_.size() && in_[position_] != '\r') {
      text.push_back(in_[position_++]);
      if (text == "-") continue;
      const std::optional<i64> value = canonical_number(text);
      if (!value || !allowed(type, *value)) return ParseStatus::invalid;
      number = *value;
    }
    if (position_ == in_.size()) return ParseStatus::incomplete;
    if (text.empty() || text == "-") return ParseStatus::invalid;
    return read_text("\r\n");
  }

  std::string_view in_;
  u64 position_ = 0;
  i64 outstanding_ = 1;  // elements announced whose first header has not been read
};

struct OracleInline {
  ParseStatus status = ParseStatus::incomplete;
  std::string error;
  std::vector<std::string> words;
  u64 size = 0;
};

// sdssplitargs as a table of states, one byte a step. False: unbalanced quotes.
inline bool split_words(const std::string& line, std::vector<std::string>& words) {
  enum { between, plain, in_double, in_single, behind_quote } state = between;
  const std::string_view spaces = " \t\n\v\f\r";
  const std::string_view hex = "0123456789abcdefABCDEF";
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool space = spaces.find(c) != std::string_view::npos;
    if (state == behind_quote) {
      if (!space) break;
      state = between;
    }
    if (state == between && space) continue;
    if (state == between) {
      words.emplace_back();
      state = plain;
    }
    std::string& word = words.back();
    if (state == plain) {
      if (space && c != '\v' && c != '\f') state = between;
      if (c == '"') state = in_double;
      if (c == '\'') state = in_single;
      if (state == plain) word.push_back(c);
    } else if (state == in_single) {
      const bool escape = line.compare(i, 2, "\\'") == 0;
      if (escape) ++i;
      if (c == '\'') state = behind_quote;
      if (escape || c != '\'') word.push_back(line[i]);
    } else if (c == '\\' && i + 3 < line.size() && line[i + 1] == 'x' &&
               hex.find(line[i + 2]) != std::string_view::npos &&
               hex.find(line[i + 3]) != std::string_view::npos) {
      word.push_back(static_cast<char>(std::stoi(line.substr(i + 2, 2), nullptr, 16)));
      i += 3;
    } else if (c == '\\' && i + 1 < line.size()) {
      const std::string_view from = "nrtba";
      const std::string_view to = "\n\r\t\b\a";
      const std::size_t which = from.find(line[++i]);
      word.push_back(which == std::string_view::npos ? line[i] : to[which]);
    } else if (c == '"') {
      state = behind_quote;
    } else {
      word.push_back(c);
    }
    if (i + 1 == line.size() && state == behind_quote) state = between;
  }
  return state == between || state == plain;
}

inline OracleInline inline_oracle(std::string_view in) {
  OracleInline result;
  const std::string_view window = in.substr(0, u64{kInlineLengthMax} + 1);
  const std::size_t newline = window.find('\n');
  if (newline == std::string_view::npos) {
    if (window.size() == u64{kInlineLengthMax} + 1) {
      result.status = ParseStatus::invalid;
      result.error = "Protocol error: too big inline request";
    }
    return result;
  }
  result.size = newline + 1;
  std::string line(window.substr(0, newline));
  if (!line.empty() && line.back() == '\r') line.pop_back();
  result.status = ParseStatus::invalid;
  if (line.find('\0') != std::string::npos) {
    result.error = "Protocol error: NUL byte in inline request";
    return result;
  }
  if (!split_words(line, result.words)) {
    result.words.clear();
    result.error = "Protocol error: unbalanced quotes in request";
    return result;
  }
  result.status = ParseStatus::complete;
  return result;
}

}  // namespace ringfold::resp::testing
