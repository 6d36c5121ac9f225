#include "app/config_values.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "app/endpoint.h"

namespace ringfold {
namespace {

constexpr std::size_t kWordMax = 64;

// What an integer or a string says, for the end of a message; other types are named.
std::string shown_value(const Node& value) {
  if (value.is(Node::Kind::integer)) return fmt::format("{}", value.integer);
  if (value.is(Node::Kind::string)) return shown(value.text);
  if (value.is(Node::Kind::boolean)) return value.boolean ? "true" : "false";
  return std::string(describe(value.kind));
}

bool in_range(i64 value, const NumberRange& range) {
  return value >= 0 && static_cast<u64>(value) >= range.min && static_cast<u64>(value) <= range.max;
}

// "16KiB", "16 KiB": digits, at most one blank, one of the three units.
std::optional<u64> parse_size(std::string_view text) {
  u64 count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc()) return std::nullopt;
  std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  unsigned shift = 0;
  if (unit == "KiB") {
    shift = 10;
  } else if (unit == "MiB") {
    shift = 20;
  } else if (unit == "GiB") {
    shift = 30;
  } else {
    return std::nullopt;
  }
  if (count > UINT64_MAX >> shift) return std::nullopt;
  return count << shift;
}

// The size of a text out of limits, in words; empty when it fits.
std::string size_mistake(std::size_t size, const TextLimits& limits) {
  if (size < limits.size_min) return "must not be empty";
  if (size > limits.size_max) {
    return fmt::format("must have at most {} bytes, not {}", limits.size_max, size);
  }
  return "";
}

bool read_checked_text(ErrorList& errors, const Entry& entry, const TextLimits& limits,
                       std::string& out, bool is_secret) {
  const Node& value = entry.value;
  std::string mistake;
  if (!value.is(Node::Kind::string)) {
    mistake = fmt::format("must be a string in double quotes, not {}", describe(value.kind));
  } else if (has_control_bytes(value.text)) {
    mistake = is_secret ? "must not hold a control character (its text is not shown)"
                        : fmt::format("must not hold a control character: {}", shown(value.text));
  } else {
    mistake = size_mistake(value.text.size(), limits);
  }
  if (!mistake.empty()) {
    errors.add(value.position, fmt::format("key \"{}\" {}", entry.key, mistake));
    return false;
  }
  out = value.text;
  return true;
}

}  // namespace

void ErrorList::add(Position position, std::string message) {
  errors_.push_back({file_name_, position.line, position.column, std::move(message)});
}

std::vector<ConfigError> ErrorList::take() {
  std::ranges::stable_sort(
      errors_, {}, [](const ConfigError& error) { return std::pair(error.line, error.column); });
  return std::exchange(errors_, {});
}

bool read_bool(ErrorList& errors, const Entry& entry, bool& out) {
  const Node& value = entry.value;
  if (!value.is(Node::Kind::boolean)) {
    errors.add(value.position,
               fmt::format("key \"{}\" must be true or false, without quotes, not {}", entry.key,
                           shown_value(value)));
    return false;
  }
  out = value.boolean;
  return true;
}

bool read_number(ErrorList& errors, const Entry& entry, const NumberRange& range, u32& out) {
  const Node& value = entry.value;
  if (!value.is(Node::Kind::integer) || !in_range(value.integer, range)) {
    const std::string unit = range.unit.empty() ? "" : fmt::format(" ({})", range.unit);
    errors.add(value.position,
               fmt::format("key \"{}\" must be an integer from {} to {}{}, not {}", entry.key,
                           range.min, range.max, unit, shown_value(value)));
    return false;
  }
  out = static_cast<u32>(value.integer);
  return true;
}

bool read_size(ErrorList& errors, const Entry& entry, const NumberRange& range, u64& out) {
  const Node& value = entry.value;
  std::optional<u64> size;
  if (value.is(Node::Kind::integer) && value.integer >= 0) size = static_cast<u64>(value.integer);
  if (value.is(Node::Kind::string)) size = parse_size(value.text);
  if (!size || *size < range.min || *size > range.max) {
    errors.add(
        value.position,
        fmt::format("key \"{}\" must be a size from {} to {}, an integer in bytes or a "
                    "string with KiB, MiB or GiB such as \"64MiB\", not {}",
                    entry.key, format_size(range.min), format_size(range.max), shown_value(value)));
    return false;
  }
  out = *size;
  return true;
}

bool read_text(ErrorList& errors, const Entry& entry, const TextLimits& limits, std::string& out) {
  return read_checked_text(errors, entry, limits, out, false);
}

bool read_secret(ErrorList& errors, const Entry& entry, const TextLimits& limits,
                 std::string& out) {
  return read_checked_text(errors, entry, limits, out, true);
}

bool read_word(ErrorList& errors, const Entry& entry, std::span<const std::string_view> words,
               std::size_t& index) {
  const Node& value = entry.value;
  const auto found = std::ranges::find(words, std::string_view(value.text));
  if (value.is(Node::Kind::string) && found != words.end()) {
    index = static_cast<std::size_t>(found - words.begin());
    return true;
  }
  std::string message = fmt::format("key \"{}\" must be one of {}, not {}", entry.key,
                                    join_words(words), shown_value(value));
  if (value.is(Node::Kind::string) && !value.text.empty()) {
    message += fmt::format("; the nearest is \"{}\"", nearest_word(value.text, words));
  }
  errors.add(value.position, std::move(message));
  return false;
}

std::string join_words(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += ", ";
    out += word;
  }
  return out;
}

std::string format_size(u64 bytes) {
  struct Unit {
    unsigned shift;
    std::string_view name;
  };
  for (const Unit unit : {Unit{30, "GiB"}, Unit{20, "MiB"}, Unit{10, "KiB"}}) {
    if (bytes != 0 && bytes % (u64{1} << unit.shift) == 0) {
      return fmt::format("{}{}", bytes >> unit.shift, unit.name);
    }
  }
  return fmt::format("{} bytes", bytes);
}

// The optimal string alignment distance (the restricted Damerau-Levenshtein distance), row by row.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Nobody means a known key with a word much longer than the longest of them.
  a = a.substr(0, kWordMax);
  b = b.substr(0, kWordMax);
  std::vector<std::size_t> two_above(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    two_above.swap(above);
    above.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      const bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_swap) row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates) {
  return *std::ranges::min_element(candidates, {}, [word](std::string_view candidate) {
    const auto split = std::ranges::mismatch(word, candidate);
    const std::ptrdiff_t common = split.in1 - word.begin();
    return std::pair(edit_distance(word, candidate), -common);
  });
}

}  // namespace ringfold
