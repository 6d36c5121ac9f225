#include "memcached_words.h"

#include <algorithm>
#include <charconv>

namespace ringfold::torture {

namespace {

constexpr std::string_view kEnd = "\r\n";

}  // namespace

Words::Words(std::string_view line) {
  while (count_ < kWordsMax && !line.empty()) {
    const std::size_t space = std::min(line.find(' '), line.size());
    words_[count_++] = line.substr(0, space);
    line.remove_prefix(std::min(space + 1, line.size()));
  }
}

std::string_view Words::flag(char letter) const {
  // Behind VA comes a size, which begins with no letter.
  for (std::size_t index = 1; index < count_; ++index) {
    if (words_[index].starts_with(letter)) return words_[index].substr(1);
  }
  return {};
}

std::string_view take_line(std::string_view& in) {
  const std::size_t end = std::min(in.find(kEnd), in.size());
  const std::string_view line = in.substr(0, end);
  in.remove_prefix(std::min(end + kEnd.size(), in.size()));
  return line;
}

bool read_number(std::string_view text, u64& number) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size();
}

Frame memcached_frame(std::string_view in, bool is_group) {
  std::size_t at = 0;
  while (true) {
    const std::size_t end = in.find(kEnd, at);
    if (end == std::string_view::npos) return {Frame::State::incomplete, in.size() + 1};
    const std::string_view line = in.substr(at, end - at);
    at = end + kEnd.size();
    const bool is_block = line.starts_with("VALUE ");
    if (is_block || line.starts_with("VA ")) {
      u64 size = 0;
      if (!read_number(Words(line)[is_block ? 3 : 1], size)) return {Frame::State::malformed, 0};
      at += size + kEnd.size();
      if (at > in.size()) return {Frame::State::incomplete, at};
      if (in.substr(at - kEnd.size(), kEnd.size()) != kEnd) return {Frame::State::malformed, 0};
    }
    if (is_group ? line == "MN" : !is_block) return {Frame::State::whole, at};
  }
}

std::vector<MetaReply> split_group(std::string_view in) {
  std::vector<MetaReply> replies;
  while (true) {
    MetaReply reply;
    reply.line = take_line(in);
    if (reply.line == "MN") return replies;
    u64 size = 0;
    if (reply.line.starts_with("VA ") && read_number(Words(reply.line)[1], size)) {
      reply.data = in.substr(0, size);
      in.remove_prefix(size + kEnd.size());
    }
    replies.push_back(reply);
  }
}

}  // namespace ringfold::torture
