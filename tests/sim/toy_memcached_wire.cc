#include "toy_memcached_wire.h"

#include <algorithm>
#include <charconv>

namespace ringfold::sim::toy {

namespace {

// memcached closes a connection on which so many bytes bring no line end, except behind get, gets.
constexpr std::size_t kLineMax = 2048;
constexpr std::size_t kKeyMax = 250;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The word that says how long the data block is; 0: the command has none.
std::size_t length_word(std::string_view name) {
  if (name == "ms") return 2;
  for (const std::string_view storage : {"set", "add", "replace", "append", "prepend", "cas"}) {
    if (name == storage) return 4;
  }
  return 0;
}

ScanResult broken(std::string& why, std::string_view what) {
  why = what;
  return {Scan::broken, 0};
}

std::string_view first_word(std::string_view line) {
  return line.substr(0, line.find_first_of(" \r"));
}

}  // namespace

ScanResult scan_memcached_command(std::string_view in, std::vector<std::string>& words,
                                  std::string& data, std::string& why) {
  words.clear();
  data.clear();
  const std::size_t end = in.find('\n');
  const bool may_be_long = in.starts_with("get ") || in.starts_with("gets ");
  if (std::min(end, in.size()) > kLineMax && !may_be_long) return broken(why, "too long a line");
  if (end == std::string_view::npos) return {Scan::incomplete, in.size() + 1};
  if (end == 0 || in[end - 1] != '\r') return broken(why, "a line without CR");
  const std::string_view line = in.substr(0, end - 1);
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t space = std::min(line.find(' ', at), line.size());
    const std::string_view word = line.substr(at, space - at);
    if (word.empty()) return broken(why, "an empty word");
    if (word.size() > kKeyMax) return broken(why, "a word longer than a key may be");
    for (const char byte : word) {
      if (static_cast<unsigned char>(byte) < ' ' || byte == 0x7f) {
        return broken(why, "a control byte");
      }
    }
    words.emplace_back(word);
    at = space + 1;
  }
  const std::size_t length_at = length_word(words[0]);
  if (length_at == 0) return {Scan::complete, end + 1};
  if (words.size() <= length_at) return broken(why, "a command without the length of its data");
  const std::optional<u64> length = unsigned_of(words[length_at]);
  if (!length || *length > INT32_MAX) return broken(why, "a length that is none");
  const std::size_t size = end + 1 + static_cast<std::size_t>(*length) + 2;
  if (in.size() < size) return {Scan::incomplete, size};
  if (in.substr(size - 2, 2) != "\r\n") return broken(why, "data that does not end in CRLF");
  data = in.substr(end + 1, static_cast<std::size_t>(*length));
  return {Scan::complete, size};
}

ScanResult scan_memcached_reply(std::string_view in) {
  std::size_t position = 0;
  while (true) {
    const std::size_t end = in.find("\r\n", position);
    if (end == std::string_view::npos) return {Scan::incomplete, in.size() + 1};
    const std::string_view line = in.substr(position, end - position);
    const std::string_view word = first_word(line);
    if (word.empty() || line.find('\n') != std::string_view::npos) return {Scan::broken, 0};
    position = end + 2;
    if (word == "STAT") continue;
    if (word != "VALUE" && word != "VA") return {Scan::complete, position};
    // VALUE key flags length [cas], VA length flags
    std::string_view rest = line;
    for (int skip = word == "VALUE" ? 3 : 1; skip > 0; --skip) {
      rest.remove_prefix(std::min(rest.size(), rest.find(' ') + 1));
    }
    const std::optional<u64> length = unsigned_of(rest.substr(0, rest.find(' ')));
    if (!length) return {Scan::broken, 0};
    position += static_cast<std::size_t>(*length) + 2;
    if (in.size() < position) return {Scan::incomplete, position};
    if (in.substr(position - 2, 2) != "\r\n") return {Scan::broken, 0};
    if (word == "VA") return {Scan::complete, position};
  }
}

std::vector<ValueBlock> value_blocks(std::string_view reply, std::string_view& end) {
  std::vector<ValueBlock> blocks;
  while (reply.starts_with("VALUE ")) {
    const std::size_t line_end = reply.find("\r\n");
    const std::string_view line = reply.substr(6, line_end - 6);
    const std::size_t key_end = line.find(' ');
    const std::size_t flags_end = line.find(' ', key_end + 1);
    const std::size_t length_end = std::min(line.find(' ', flags_end + 1), line.size());
    const std::optional<u64> length =
        unsigned_of(line.substr(flags_end + 1, length_end - flags_end - 1));
    if (!length) break;
    const std::size_t size = line_end + 2 + static_cast<std::size_t>(*length) + 2;
    blocks.push_back({line.substr(0, key_end), reply.substr(0, size)});
    reply.remove_prefix(size);
  }
  end = reply;
  return blocks;
}

bool is_memcached_error(std::string_view reply) {
  const std::string_view word = first_word(reply);
  return word == "ERROR" || word == "CLIENT_ERROR" || word == "SERVER_ERROR";
}

std::optional<u64> unsigned_of(std::string_view word) {
  u64 number = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (word.empty() || code != std::errc() || end != word.data() + word.size()) return {};
  return number;
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    u32 group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      const bool is_padding = i + k > bytes.size();
      text += is_padding ? '=' : kAlphabet[group >> (18 - 6 * k) & 63];
    }
  }
  return text;
}

std::string decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return {};
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    u32 group = 0;
    std::size_t padding = 0;
    for (const char byte : text.substr(i, 4)) {
      const std::size_t value = kAlphabet.find(byte);
      if (value == std::string_view::npos && byte != '=') return {};
      padding += byte == '=' ? 1 : 0;
      group = group << 6 | (byte == '=' ? 0u : static_cast<u32>(value));
    }
    for (std::size_t k = 0; k + padding < 3; ++k) {
      bytes += static_cast<char>(group >> (16 - 8 * k) & 0xff);
    }
  }
  return bytes;
}

std::string memcached_command(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(word).append(" ");
  text.pop_back();
  return text.append("\r\n");
}

std::string memcached_command(const std::vector<std::string>& words, std::string_view data) {
  return memcached_command(words).append(data).append("\r\n");
}

}  // namespace ringfold::sim::toy
