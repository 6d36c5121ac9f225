// Taking memcached's replies apart.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "command.h"

namespace ringfold::torture {

// The words of one line, separated by single spaces. The first kWordsMax count.
class Words {
 public:
  static constexpr std::size_t kWordsMax = 8;

  explicit Words(std::string_view line);

  std::size_t count() const { return count_; }
  // Empty when there is no such word.
  std::string_view operator[](std::size_t index) const {
    return index < count_ ? words_[index] : std::string_view();
  }
  // What follows the letter in the first word, behind the code, that begins with it; or nothing.
  std::string_view flag(char letter) const;

 private:
  std::array<std::string_view, kWordsMax> words_;
  std::size_t count_ = 0;
};

// Takes a line off the front of in, without its end; all of it if it has no end.
std::string_view take_line(std::string_view& in);

bool read_number(std::string_view text, u64& number);

// The reply at the front of in: one line, with its data; for a get all up to END or an error; for a
// group all up to MN.
Frame memcached_frame(std::string_view in, bool is_group);

struct MetaReply {
  std::string_view line;
  std::string_view data;
};
// A whole reply to a group, without its MN.
std::vector<MetaReply> split_group(std::string_view in);

}  // namespace ringfold::torture
