// Numbers as the command line has them. The whole text must be the number.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold::load {

// Digits only.
[[nodiscard]] inline std::optional<u64> parse_count(std::string_view text) {
  u64 number = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (text.empty() || result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return number;
}

// "1", "0.99", "1e6"; finite.
[[nodiscard]] inline std::optional<double> parse_decimal(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (text.empty() || result.ec != std::errc() || result.ptr != end) return std::nullopt;
  if (!(number > -1e300 && number < 1e300)) return std::nullopt;
  return number;
}

}  // namespace ringfold::load
