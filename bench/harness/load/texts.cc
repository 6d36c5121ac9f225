#include "load/texts.h"

#include <fmt/core.h>

namespace ringfold::load {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (true) {
    const std::size_t end = text.find(separator);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

std::string shown_bytes(std::string_view bytes, std::size_t limit) {
  std::string text;
  for (const char byte : bytes.substr(0, limit)) {
    const auto value = static_cast<unsigned char>(byte);
    if (byte == '\r') {
      text += "\\r";
    } else if (byte == '\n') {
      text += "\\n";
    } else if (value < 0x20 || value > 0x7e) {
      text += fmt::format("\\x{:02x}", value);
    } else {
      text += byte;
    }
  }
  if (bytes.size() > limit) text += fmt::format("... ({} bytes)", bytes.size());
  return text;
}

std::string json_string(std::string_view bytes) {
  std::string text = "\"";
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    if (byte == '"' || byte == '\\') {
      text += '\\';
      text += byte;
    } else if (value < 0x20 || value > 0x7e) {
      text += fmt::format("\\u{:04x}", value);
    } else {
      text += byte;
    }
  }
  text += '"';
  return text;
}

std::string with_commas(unsigned long long number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

}  // namespace ringfold::load
