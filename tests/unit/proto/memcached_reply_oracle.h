// The slow twin of the reply scanner: it looks at whole lines only, as strings.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/proto/memcached.h"

namespace ringfold::memcached::testing {

struct OracleReply {
  ParseStatus status = ParseStatus::incomplete;
  u64 size = 0;
};

class ReplyOracle {
 public:
  ReplyOracle(std::string_view in, ReplyShape shape) : in_(in), shape_(shape) {}

  OracleReply read() {
    while (true) {
      const std::string_view rest = in_.substr(at_);
      const std::size_t cr = rest.find('\r');
      if (cr == std::string_view::npos || cr + 1 == rest.size()) {
        // A line that is cut: wrong when no end of it could make it right.
        const std::string_view seen = rest.substr(0, cr);
        if (cr != std::string_view::npos ? !is_line(seen) : !can_be_line(seen)) return invalid();
        return {};
      }
      if (rest[cr + 1] != '\n' || !is_line(rest.substr(0, cr))) return invalid();
      at_ += cr + 2;
      if (has_data_) {
        const std::string_view data = in_.substr(at_);
        for (std::size_t i = 0; i < 2 && length_ + i < data.size(); ++i) {
          if (data[length_ + i] != "\r\n"[i]) return invalid();
        }
        if (data.size() < length_ + 2) return {};
        at_ += length_ + 2;
      }
      if (last_) return {ParseStatus::complete, at_};
    }
  }

 private:
  static OracleReply invalid() { return {ParseStatus::invalid, 0}; }

  static bool is_number(const std::string& word, std::size_t digits_max) {
    return !word.empty() && word.size() <= digits_max &&
           std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
  }

  static bool is_length(const std::string& word) {
    return is_number(word, 10) && std::stoull(word) <= INT32_MAX;
  }

  static bool is_key(const std::string& word) {
    return !word.empty() && word.size() <= 250 &&
           std::all_of(word.begin(), word.end(), [](char c) { return static_cast<u8>(c) > ' '; });
  }

  static bool is_any(const std::string& word, std::initializer_list<const char*> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  }

  // Sets last_, has_data_ and length_.
  bool is_line(std::string_view line) {
    if (line.find('\n') != std::string_view::npos) return false;
    std::vector<std::string> words(1);
    for (const char byte : line) {
      if (byte == ' ') {
        words.emplace_back();
      } else {
        words.back() += byte;
      }
    }
    const std::string& first = words[0];
    last_ = true;
    has_data_ = false;
    if (is_any(first, {"ERROR", "CLIENT_ERROR", "SERVER_ERROR"})) {
      return shape_ != ReplyShape::value;
    }
    const bool alone = words.size() == 1;
    switch (shape_) {
      case ReplyShape::line:
        if (first == "VERSION") return true;
        return alone && (is_any(first, {"STORED", "NOT_STORED", "EXISTS", "NOT_FOUND", "DELETED",
                                        "TOUCHED", "OK", "MN"}) ||
                         is_number(first, 20));
      case ReplyShape::values:
      case ReplyShape::value:
        if (first != "VALUE") return shape_ == ReplyShape::values && alone && first == "END";
        if (words.size() != 4 && words.size() != 5) return false;
        if (!is_key(words[1]) || !is_number(words[2], 20) || !is_length(words[3])) return false;
        if (words.size() == 5 && !is_number(words[4], 20)) return false;
        return has_data(words[3], shape_ == ReplyShape::value);
      case ReplyShape::meta:
        if (first == "VA") {
          return words.size() > 1 && is_length(words[1]) && has_data(words[1], true);
        }
        return is_any(first, {"HD", "EN", "NF", "NS", "EX", "ME"}) || (alone && first == "MN");
      case ReplyShape::stats:
        if (is_any(first, {"STAT", "ITEM", "PREFIX"})) {
          last_ = false;
          return true;
        }
        return alone && is_any(first, {"END", "OK", "RESET"});
    }
    return false;
  }

  bool has_data(const std::string& length, bool last) {
    has_data_ = true;
    last_ = last;
    length_ = std::stoull(length);
    return true;
  }

  // Whether some bytes behind this start would make a line. The last word is not judged before its
  // end, except for what no further byte can mend.
  bool can_be_line(std::string_view start) {
    const std::size_t blank = start.rfind(' ');
    if (blank == std::string_view::npos) {
      return start.size() <= 20 && std::none_of(start.begin(), start.end(),
                                                [](char c) { return static_cast<u8>(c) < ' '; });
    }
    const std::string last(start.substr(blank + 1));
    const std::string_view before = start.substr(0, blank);
    for (const char* const tail : {"", " 1", " 1 1", " 1 1 1"}) {
      // Some other words in place of the last one and behind it make a line: then only the last
      // word itself can be wrong.
      if (!is_line(std::string(before) + " 1" + tail)) continue;
      if (last.empty() || is_line(std::string(before) + " " + last + tail)) return true;
    }
    return false;
  }

  std::string_view in_;
  ReplyShape shape_;
  std::size_t at_ = 0;
  bool last_ = false;
  bool has_data_ = false;
  u64 length_ = 0;
};

}  // namespace ringfold::memcached::testing
