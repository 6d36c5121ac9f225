#include "value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>

#include "ringfold/base/prng.h"

namespace ringfold::torture {

namespace {

constexpr std::size_t kTokenDigits = 16;
constexpr std::size_t kSizeDigits = 8;
constexpr std::size_t kSeparators = 4;  // "v:" in front, ":" between key, token and size, "\n"

u64 filler_seed(std::string_view key, u64 token) {
  u64 seed = token * 0x9e3779b97f4a7c15u;
  for (const char byte : key) seed = (seed ^ static_cast<u8>(byte)) * 0x100000001b3u;
  return seed;
}

void append_header(std::string& out, std::string_view key, u64 token, std::size_t size) {
  fmt::format_to(std::back_inserter(out), "v:{}:{:016x}:{:08x}", key, token, size);
}

// The offset of the first byte that is not as it should be, or npos.
std::size_t first_wrong_byte(std::string_view filler, u64 seed) {
  Prng prng(seed);
  for (std::size_t at = 0; at < filler.size(); at += sizeof(u64)) {
    const u64 word = prng.next();
    const std::size_t count = std::min(sizeof word, filler.size() - at);
    if (std::memcmp(filler.data() + at, &word, count) != 0) return at;
  }
  return std::string_view::npos;
}

}  // namespace

std::size_t shortest_value(std::string_view key) {
  return key.size() + kTokenDigits + kSizeDigits + kSeparators;
}

void append_value(std::string& out, std::string_view key, u64 token, std::size_t size) {
  const std::size_t begin = out.size();
  append_header(out, key, token, size);
  Prng prng(filler_seed(key, token));
  std::size_t left = size - (out.size() - begin);
  const std::size_t at = out.size();
  out.resize(begin + size);
  char* to = out.data() + at;
  while (left > 0) {
    const u64 word = prng.next();
    const std::size_t count = std::min(sizeof word, left);
    std::memcpy(to, &word, count);
    to += count;
    left -= count;
  }
}

std::string examine_value(std::string_view value, std::string_view key, u64& token) {
  const std::size_t token_at = 2 + key.size() + 1;
  if (!value.starts_with("v:")) return "the value is none that any write has made";
  if (value.size() < shortest_value(key) - 1) return "the value is cut short";
  if (value.substr(2, key.size()) != key || value[2 + key.size()] != ':') {
    return fmt::format("the value of another key: {}", printable(value, 60));
  }
  const auto [end, code] =
      std::from_chars(value.data() + token_at, value.data() + token_at + kTokenDigits, token, 16);
  if (code != std::errc() || end != value.data() + token_at + kTokenDigits) {
    return "the value's token is damaged";
  }
  std::string header;
  append_header(header, key, token, value.size());
  if (!value.starts_with(header)) return "the value's length or header is damaged";
  const std::size_t wrong = first_wrong_byte(value.substr(header.size()), filler_seed(key, token));
  if (wrong == std::string_view::npos) return {};
  return fmt::format("the value is damaged at or after byte {} of {}: {}", header.size() + wrong,
                     value.size(), printable(value.substr(header.size() + wrong), 60));
}

std::string printable(std::string_view bytes, std::size_t limit) {
  std::string text;
  const auto append = [&text](std::string_view part) {
    for (const char byte : part) {
      if (byte == '\r') {
        text += "\\r";
      } else if (byte == '\n') {
        text += "\\n";
      } else if (byte >= ' ' && byte <= '~' && byte != '\\') {
        text += byte;
      } else {
        fmt::format_to(std::back_inserter(text), "\\x{:02x}", static_cast<u8>(byte));
      }
    }
  };
  if (bytes.size() <= limit) {
    append(bytes);
    return text;
  }
  append(bytes.substr(0, limit / 2));
  fmt::format_to(std::back_inserter(text), " ...{} bytes... ", bytes.size() - limit / 2 * 2);
  append(bytes.substr(bytes.size() - limit / 2));
  return text;
}

}  // namespace ringfold::torture
