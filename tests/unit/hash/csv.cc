#include "csv.h"

#include <doctest/doctest.h>

#include <charconv>
#include <fstream>

namespace ringfold::testing {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::vector<std::string>> read_csv(std::string_view file_name) {
  std::ifstream file(std::string(RINGFOLD_VECTORS "/") + std::string(file_name));
  REQUIRE_MESSAGE(file.is_open(), file_name);
  std::string line;
  REQUIRE(std::getline(file, line));
  const std::size_t field_count = split(line, ',').size();
  std::vector<std::vector<std::string>> rows;
  while (std::getline(file, line)) {
    if (line.ends_with('\r')) line.pop_back();
    rows.push_back(split(line, ','));
    REQUIRE_MESSAGE(rows.back().size() == field_count, line);
  }
  return rows;
}

std::string from_hex(std::string_view hex) {
  REQUIRE(hex.size() % 2 == 0);
  std::string bytes;
  for (std::size_t at = 0; at < hex.size(); at += 2) {
    unsigned value = 0;
    const char* end = hex.data() + at + 2;
    const auto result = std::from_chars(hex.data() + at, end, value, 16);
    REQUIRE(result.ptr == end);
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

}  // namespace ringfold::testing
