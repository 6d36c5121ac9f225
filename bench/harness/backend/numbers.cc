#include "backend/numbers.h"

#include <fmt/core.h>

#include "load/numbers.h"

namespace ringfold::backend {

using load::parse_decimal;

std::optional<double> parse_share(std::string_view text) {
  double divisor = 1;
  const std::size_t slash = text.find('/');
  if (text.ends_with('%')) {
    divisor = 100;
    text.remove_suffix(1);
  } else if (slash != std::string_view::npos) {
    const auto given = parse_decimal(text.substr(slash + 1));
    if (!given || *given <= 0) return std::nullopt;
    divisor = *given;
    text = text.substr(0, slash);
  }
  const auto number = parse_decimal(text);
  if (!number || *number < 0 || *number > divisor) return std::nullopt;
  return *number / divisor;
}

Expected<double> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double nanos;
  };
  // "s" last: all the others end with it.
  for (const Unit& unit : {Unit{"ns", 1}, Unit{"us", 1e3}, Unit{"ms", 1e6}, Unit{"s", 1e9}}) {
    if (!text.ends_with(unit.name)) continue;
    const auto number = parse_decimal(text.substr(0, text.size() - unit.name.size()));
    if (!number || *number < 0 || *number * unit.nanos > kDurationMax) break;
    return *number * unit.nanos;
  }
  return fail(fmt::format("\"{}\" is no time up to an hour with a unit (ns us ms s)", text));
}

}  // namespace ringfold::backend
