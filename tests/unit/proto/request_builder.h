// Builds a request in array form together with the frame that the parser would give for it, so that
// tests of what comes behind the parser do not depend on it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/proto/protocol.h"

namespace ringfold {

struct BuiltRequest {
  std::string bytes;
  RequestFrame frame;
};

inline BuiltRequest build_request(std::span<const std::string> arguments) {
  BuiltRequest request;
  const auto append_header = [&request](char type, std::size_t number) {
    request.bytes += type;
    request.bytes += std::to_string(number);
    request.bytes += "\r\n";
  };
  append_header('*', arguments.size());
  for (const std::string& argument : arguments) {
    append_header('$', argument.size());
    if (request.frame.arguments_seen < RequestFrame::kInlineArguments) {
      request.frame.arguments[request.frame.arguments_seen] = {
          static_cast<u32>(request.bytes.size()), static_cast<u32>(argument.size())};
    }
    ++request.frame.arguments_seen;
    request.bytes += argument;
    request.bytes += "\r\n";
  }
  request.frame.argument_count = request.frame.arguments_seen;
  request.frame.offset = request.bytes.size();
  return request;
}

// The words of a line, as arguments.
inline std::vector<std::string> split_words(std::string_view line) {
  std::vector<std::string> words;
  while (true) {
    const std::size_t start = line.find_first_not_of(' ');
    if (start == std::string_view::npos) return words;
    line.remove_prefix(start);
    words.emplace_back(line.substr(0, line.find(' ')));
    line.remove_prefix(words.back().size());
  }
}

}  // namespace ringfold
