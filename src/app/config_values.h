// Reading one value of the configuration: its type, its range, and the words for what is wrong
// with it. Used by config.cc, which knows the keys.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/document.h"
#include "ringfold/base/ints.h"
#include "ringfold/config.h"

namespace ringfold {

// Collects the mistakes of one file.
class ErrorList {
 public:
  explicit ErrorList(std::string file_name) : file_name_(std::move(file_name)) {}

  void add(Position position, std::string message);
  bool empty() const { return errors_.empty(); }

  // In the order of the file.
  [[nodiscard]] std::vector<ConfigError> take();

 private:
  std::string file_name_;
  std::vector<ConfigError> errors_;
};

// An inclusive range and what it counts ("milliseconds", "" for a plain number).
struct NumberRange {
  u64 min = 0;
  u64 max = 0;
  std::string_view unit;
};

// Each reader checks entry.value, and either sets out and returns true, or leaves out alone, adds
// one error and returns false.
bool read_bool(ErrorList& errors, const Entry& entry, bool& out);
bool read_number(ErrorList& errors, const Entry& entry, const NumberRange& range, u32& out);

// An integer in bytes, or a string such as "16KiB" or "16 KiB".
bool read_size(ErrorList& errors, const Entry& entry, const NumberRange& range, u64& out);

// Text without control characters. Requires: a value that is no secret, for errors show it.
struct TextLimits {
  std::size_t size_min = 0;
  std::size_t size_max = 0;
};
bool read_text(ErrorList& errors, const Entry& entry, const TextLimits& limits, std::string& out);

// As read_text, but no error ever shows the value.
bool read_secret(ErrorList& errors, const Entry& entry, const TextLimits& limits, std::string& out);

// One word of a list; index is its place. Only strings are words.
bool read_word(ErrorList& errors, const Entry& entry, std::span<const std::string_view> words,
               std::size_t& index);

// "a, b, c"
[[nodiscard]] std::string join_words(std::span<const std::string_view> words);

// "16KiB" for 16384: the largest unit that divides it.
[[nodiscard]] std::string format_size(u64 bytes);

// How many changes make one word the other: insertions, deletions, replacements and swaps of
// neighbours.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate with the smallest edit_distance(); of several, the one that begins most like word.
// Requires: at least one candidate.
[[nodiscard]] std::string_view nearest_word(std::string_view word,
                                            std::span<const std::string_view> candidates);

}  // namespace ringfold
