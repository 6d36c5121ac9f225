// Slow readers of the memcached protocol that are obviously right: the twins the fast ones are held
// against. They see all bytes at once, split lines into strings and leave numbers to the C library,
// as memcached does. The words and the order of the checks are a live server's (1.6.18).
#pragma once

#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/proto/memcached.h"

namespace ringfold::memcached::testing {

struct OracleRequest {
  ParseStatus status = ParseStatus::incomplete;
  bool has_error = false;
  std::string error;
  u64 size = 0;
  u64 line_length = 0;
  std::vector<std::string> words;
};

class RequestOracle {
 public:
  RequestOracle(std::string_view in, u64 max_size) : in_(in), max_size_(max_size) {}

  OracleRequest read() {
    if (in_.empty()) return made_;
    if (in_[0] == '\x80') {
      return invalid("CLIENT_ERROR ringfold: the binary protocol is not supported");
    }
    const std::size_t lf = in_.find('\n');
    const std::size_t length = lf == std::string_view::npos ? in_.size() : lf;
    if (length > max_size_ || (length > 2048 && !is_get())) {
      return invalid("CLIENT_ERROR ringfold: the command line is too long");
    }
    if (lf == std::string_view::npos) return made_;
    made_.line_length = lf + 1;
    std::string line(in_.substr(0, lf));
    if (!line.empty() && line.back() == '\r') line.pop_back();
    for (const char byte : line) {
      has_control_ |= (byte >= 0 && byte < 0x20) || byte == 0x7f;
    }
    std::string word;
    for (const char byte : line + " ") {
      if (byte != ' ') {
        word += byte;
      } else if (!word.empty()) {
        made_.words.push_back(word);
        word.clear();
      }
    }
    return judge();
  }

 private:
  static constexpr const char* kBadLine = "CLIENT_ERROR bad command line format";

  OracleRequest invalid(const char* error) {
    made_.status = ParseStatus::invalid;
    made_.has_error = true;
    made_.error = error;
    return made_;
  }

  // The line is answered, `data` bytes behind it are skipped.
  OracleRequest error(const std::string& text, u64 data = 0) {
    made_.status = ParseStatus::complete;
    made_.has_error = true;
    made_.error = text;
    made_.size = made_.line_length + data;
    return made_;
  }

  OracleRequest classic_error(const std::string& text, u64 data = 0) {
    return error(made_.words.back() == "noreply" ? "" : text, data);
  }

  OracleRequest good() {
    if (has_control_) return error(kBadLine);
    made_.status = ParseStatus::complete;
    made_.size = made_.line_length;
    return made_;
  }

  bool is_get() const {
    const std::size_t spaces = in_.find_first_not_of(' ');
    if (spaces > 100) return false;
    const std::string_view rest = in_.substr(spaces);
    const std::string_view name = rest.substr(0, rest.find(' '));
    if (name.size() == rest.size()) return false;
    return name == "get" || name == "gets" || name == "gat" || name == "gats" || name == "bget";
  }

  static bool ends(const std::string& word, const char* end) {
    return end != word.c_str() && (*end == '\0' || (*end >= '\t' && *end <= '\r'));
  }

  static bool read_signed(const std::string& word, long long& number) {
    char* end = nullptr;
    errno = 0;
    number = std::strtoll(word.c_str(), &end, 10);
    return errno != ERANGE && ends(word, end);
  }

  static bool is_int32(const std::string& word) {
    long long number = 0;
    return read_signed(word, number) && number >= INT32_MIN && number <= INT32_MAX;
  }

  static bool read_unsigned(const std::string& word, unsigned long long& number) {
    char* end = nullptr;
    errno = 0;
    number = std::strtoull(word.c_str(), &end, 10);
    if (errno == ERANGE || !ends(word, end)) return false;
    return number == 0 || word.find('-') > word.find_first_of("0123456789");
  }

  static bool is_unsigned(const std::string& word) {
    unsigned long long number = 0;
    return read_unsigned(word, number);
  }

  // Data and CRLF, or 0.
  static u64 data_size(const std::string& word) {
    long long number = 0;
    const bool fits = read_signed(word, number) && number >= 0 && number <= INT32_MAX - 2;
    return fits ? static_cast<u64>(number) + 2 : 0;
  }

  bool is_long(std::size_t word) const { return made_.words[word].size() > 250; }

  OracleRequest data(u64 size, bool noreply) {
    const u64 total = made_.line_length + size;
    if (has_control_) return error(noreply ? "" : kBadLine, size);
    if (total > max_size_) {
      return error(noreply ? "" : "SERVER_ERROR object too large for cache", size);
    }
    if (in_.size() < total) return made_;
    if (in_.substr(total - 2, 2) != "\r\n") {
      return error(noreply ? "" : "CLIENT_ERROR bad data chunk", size);
    }
    made_.status = ParseStatus::complete;
    made_.size = total;
    return made_;
  }

  OracleRequest judge() {
    const auto& words = made_.words;
    const std::size_t count = words.size();
    if (count == 0) return error("ERROR");
    const std::string& name = words[0];
    if (name == "get" || name == "gets" || name == "bget") {
      if (count < 2) return error("ERROR");
      return keys(1);
    }
    if (name == "gat" || name == "gats") {
      if (count < 2) return error("ERROR");
      if (!is_int32(words[1])) return error("CLIENT_ERROR invalid exptime argument");
      if (count == 2) return error("END");
      if (is_long(1)) return error(kBadLine);
      return keys(2);
    }
    if (name == "set" || name == "add" || name == "replace" || name == "append" ||
        name == "prepend" || name == "cas") {
      return storage(name == "cas" ? 6 : 5);
    }
    if (name == "incr" || name == "decr" || name == "touch") return number_command();
    if (name == "delete") return delete_command();
    if (name == "flush_all" || name == "verbosity") return server_command();
    if (name == "mg" || name == "ms" || name == "md" || name == "ma") return meta();
    if (name == "me") return meta_debug();
    if (name == "mn" || name == "quit" || name == "version") return good();
    for (const char* const admin : {"cache_memlimit", "extstore", "lru", "lru_crawler",
                                    "refresh_certs", "shutdown", "slabs", "watch"}) {
      if (name == admin) return refused();
    }
    if (name != "stats") return error("ERROR");
    return count > 1 && words[1] == "cachedump" ? refused() : good();
  }

  OracleRequest refused() {
    return error(
        "CLIENT_ERROR ringfold: this command is for one server alone, connect to it directly");
  }

  OracleRequest keys(std::size_t from) {
    for (std::size_t i = from; i < made_.words.size(); ++i) {
      if (is_long(i)) return error(kBadLine);
    }
    return good();
  }

  OracleRequest storage(std::size_t needed) {
    const auto& words = made_.words;
    if (words.size() != needed && words.size() != needed + 1) return error("ERROR");
    const bool noreply = words.back() == "noreply";
    long long time = 0;
    unsigned long long flags = 0;
    const u64 size = data_size(words[4]);
    const bool is_good = !is_long(1) && read_unsigned(words[2], flags) &&
                         read_signed(words[3], time) && size != 0 &&
                         (needed == 5 || is_unsigned(words[5]));
    if (!is_good) return classic_error(kBadLine);
    if (flags > UINT32_MAX || !is_int32(words[3])) return classic_error(kBadLine, size);
    return data(size, noreply);
  }

  OracleRequest number_command() {
    const auto& words = made_.words;
    if (words.size() != 3 && words.size() != 4) return error("ERROR");
    if (is_long(1)) return classic_error(kBadLine);
    if (words[0] == "touch") {
      if (!is_int32(words[2])) return classic_error("CLIENT_ERROR invalid exptime argument");
    } else if (!is_unsigned(words[2])) {
      return classic_error("CLIENT_ERROR invalid numeric delta argument");
    }
    return has_control_ ? classic_error(kBadLine) : good();
  }

  OracleRequest delete_command() {
    const auto& words = made_.words;
    if (words.size() < 2 || words.size() > 4) return error("ERROR");
    const bool three = words.size() == 3 && (words[2] == "0" || words[2] == "noreply");
    const bool four = words.size() == 4 && words[2] == "0" && words[3] == "noreply";
    if (words.size() > 2 && !three && !four) {
      return classic_error("CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]");
    }
    if (words.size() == 2) return is_long(1) ? error(kBadLine) : good();
    return is_long(1) || has_control_ ? classic_error(kBadLine) : good();
  }

  OracleRequest server_command() {
    const auto& words = made_.words;
    if (words[0] == "verbosity") {
      if (words.size() != 2 && words.size() != 3) return error("ERROR");
      if (!is_unsigned(words[1]) || has_control_) return classic_error(kBadLine);
      return good();
    }
    if (words.size() > 3) return error("ERROR");
    const bool alone = words.size() == (words.back() == "noreply" ? 2u : 1u);
    if (!alone && !is_int32(words[1])) {
      return classic_error("CLIENT_ERROR invalid exptime argument");
    }
    return has_control_ ? classic_error(kBadLine) : good();
  }

  // mg and me with a key that decodes to CR or LF, which the server would write out.
  bool is_unsafe(std::size_t from) const {
    bool base64 = false;
    bool echoed = made_.words[0] == "me";
    for (std::size_t i = from; i < made_.words.size() && i < 20; ++i) {
      base64 |= made_.words[i][0] == 'b';
      echoed |= made_.words[i][0] == 'k';
    }
    if (!base64 || !echoed) return false;
    const std::string key = oracle_base64(made_.words[1]);
    return key.find('\r') != std::string::npos || key.find('\n') != std::string::npos;
  }

  OracleRequest meta_debug() {
    if (made_.words.size() < 2 || is_long(1)) return error(kBadLine);
    return is_unsafe(2) ? unsafe() : good();
  }

  OracleRequest unsafe() {
    return error("CLIENT_ERROR ringfold: a key with CR or LF cannot be asked for by name");
  }

  OracleRequest meta() {
    const auto& words = made_.words;
    const std::string& name = words[0];
    if (words.size() < 2) return error("ERROR");
    if (is_long(1)) return error(kBadLine);
    const bool is_set = name == "ms";
    if (is_set && words.size() == 2) return error(kBadLine);
    if (words.size() > 19) {
      return error(name == "mg" ? "CLIENT_ERROR options flags are too long"
                                : "CLIENT_ERROR options flags too long");
    }
    const u64 size = is_set ? data_size(words[2]) : 0;
    if (is_set && size == 0) return error(kBadLine);
    const std::string known = "bNTRlOPLkstcfvhuqFCMJDI";
    std::string seen;
    for (std::size_t i = is_set ? 3 : 2; i < words.size(); ++i) {
      const char flag = words[i][0];
      if (known.find(flag) == std::string::npos) break;
      if (seen.find(flag) != std::string::npos) {
        return error(name == "mg" || is_set ? "CLIENT_ERROR duplicate flag"
                                            : "CLIENT_ERROR invalid or duplicate flag",
                     size);
      }
      seen += flag;
    }
    if (is_set) return data(size, false);
    return name == "mg" && is_unsafe(2) ? unsafe() : good();
  }

 public:
  // Groups of four of the alphabet's letters, everything else is skipped, padding ends it.
  static std::string oracle_base64(const std::string& text) {
    const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string letters;
    for (const char byte : text) {
      if (byte == '=' || alphabet.find(byte) != std::string::npos) letters += byte;
    }
    if (letters.size() % 4 != 0) return {};
    std::string out;
    for (std::size_t at = 0; at < letters.size(); at += 4) {
      u32 bits = 0;
      std::size_t padding = 0;
      for (std::size_t i = at; i < at + 4; ++i) {
        const bool is_padding = letters[i] == '=';
        padding += is_padding ? 1 : 0;
        bits = bits * 64 + (is_padding ? 0 : static_cast<u32>(alphabet.find(letters[i])));
      }
      const char three[3] = {static_cast<char>(bits / 65536), static_cast<char>(bits / 256 % 256),
                             static_cast<char>(bits % 256)};
      if (padding > 2) return {};
      out.append(three, 3 - padding);
      if (padding != 0) break;
    }
    return out;
  }

 private:
  std::string_view in_;
  u64 max_size_;
  bool has_control_ = false;
  OracleRequest made_;
};

}  // namespace ringfold::memcached::testing
