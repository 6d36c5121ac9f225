#include "load/request_words.h"

#include <fmt/core.h>

#include "ringfold/base/limits.h"
#include "ringfold/proto/resp.h"

namespace ringfold::load {
namespace {

// The parsers may read so many bytes behind what they are given.
std::string padded(std::string_view text, std::string_view end) {
  std::string bytes(text);
  bytes += end;
  bytes.append(kReadablePadding, '\0');
  return bytes;
}

}  // namespace

Expected<std::vector<std::string>> split_words(std::string_view text) {
  if (text.find_first_of("\r\n") != std::string_view::npos) return fail("a command is one line");
  const std::string line = padded(text, "\n");
  std::string array;
  const auto parsed = resp::parse_inline(std::string_view(line).substr(0, text.size() + 1), array);
  if (parsed.status != ParseStatus::complete) {
    return fail(parsed.error == nullptr ? "it is too long" : parsed.error);
  }
  if (array.empty()) return fail("it is empty");
  const std::size_t size = array.size();
  array.append(kReadablePadding, '\0');
  const std::string_view bytes = std::string_view(array).substr(0, size);
  RequestFrame frame;
  if (resp::parse_request(bytes, kBulkLengthMax, frame) != ParseStatus::complete) {
    return fail(frame.error == nullptr ? "it is no command" : frame.error);
  }
  std::vector<std::string> words;
  resp::ArgumentCursor cursor(bytes, frame);
  Argument argument;
  while (cursor.next(argument)) words.emplace_back(bytes.substr(argument.offset, argument.length));
  return words;
}

Expected<memcached::ReplyShape> memcached_shape(std::string_view request) {
  const std::string bytes = padded(request, "");
  const std::string_view view = std::string_view(bytes).substr(0, request.size());
  RequestFrame frame;
  const memcached::CommandRow* row = nullptr;
  const ParseStatus status = memcached::parse_request(view, kBulkLengthMax, frame, row);
  if (status == ParseStatus::incomplete || (status == ParseStatus::complete && row == nullptr)) {
    return fail("it is not one whole command");
  }
  if (frame.error != nullptr) return fail(fmt::format("memcached would say: {}", frame.error));
  if (frame.offset != request.size()) return fail("it is more than one command");
  if (memcached::quiet_of(*row, view, frame) != memcached::Quiet::none) {
    return fail("it would not be answered");
  }
  if (row->command == memcached::Command::quit || row->command == memcached::Command::watch) {
    return fail(fmt::format("{} does not leave its connection as it was", row->name));
  }
  return row->reply;
}

}  // namespace ringfold::load
