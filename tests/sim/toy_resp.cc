#include "toy_resp.h"

#include <charconv>

namespace ringfold::sim::toy {

namespace {

// The line at `position` without its CRLF; false when it is not whole.
bool take_line(std::string_view in, std::size_t& position, std::string_view& line) {
  const std::size_t end = in.find("\r\n", position);
  if (end == std::string_view::npos) return false;
  line = in.substr(position, end - position);
  position = end + 2;
  return true;
}

bool to_number(std::string_view text, i64& number) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

ScanResult scan_command(std::string_view in, std::vector<std::string>& arguments) {
  arguments.clear();
  std::size_t position = 0;
  std::string_view line;
  i64 count = 0;
  if (!take_line(in, position, line)) return {Scan::incomplete, in.size() + 1};
  if (line.empty() || line[0] != '*' || !to_number(line.substr(1), count) || count < 1) {
    return {Scan::broken, 0};
  }
  for (i64 i = 0; i < count; ++i) {
    i64 length = 0;
    if (!take_line(in, position, line)) return {Scan::incomplete, in.size() + 1};
    if (line.empty() || line[0] != '$' || !to_number(line.substr(1), length) || length < 0) {
      return {Scan::broken, 0};
    }
    const std::size_t end = position + static_cast<std::size_t>(length) + 2;
    if (in.size() < end) return {Scan::incomplete, end};
    if (in.substr(end - 2, 2) != "\r\n") return {Scan::broken, 0};
    arguments.emplace_back(in.substr(position, static_cast<std::size_t>(length)));
    position = end;
  }
  return {Scan::complete, position};
}

ScanResult scan_reply(std::string_view in) {
  std::size_t position = 0;
  for (i64 left = 1; left > 0; --left) {
    std::string_view line;
    if (!take_line(in, position, line)) return {Scan::incomplete, in.size() + 1};
    if (line.empty()) return {Scan::broken, 0};
    i64 number = 0;
    switch (line[0]) {
      case '+':
      case '-':
        break;
      case ':':
        if (!to_number(line.substr(1), number)) return {Scan::broken, 0};
        break;
      case '$':
        if (!to_number(line.substr(1), number) || number < -1) return {Scan::broken, 0};
        if (number < 0) break;
        position += static_cast<std::size_t>(number) + 2;
        if (in.size() < position) return {Scan::incomplete, position};
        if (in.substr(position - 2, 2) != "\r\n") return {Scan::broken, 0};
        break;
      case '*':
        if (!to_number(line.substr(1), number) || number < -1) return {Scan::broken, 0};
        if (number > 0) left += number;
        break;
      default:
        return {Scan::broken, 0};
    }
  }
  return {Scan::complete, position};
}

std::vector<std::string_view> elements(std::string_view array) {
  std::vector<std::string_view> list;
  std::size_t position = 0;
  std::string_view line;
  i64 count = 0;
  if (!take_line(array, position, line) || line.empty() || line[0] != '*' ||
      !to_number(line.substr(1), count)) {
    return list;
  }
  for (i64 i = 0; i < count; ++i) {
    const ScanResult element = scan_reply(array.substr(position));
    if (element.status != Scan::complete) return {};
    list.push_back(array.substr(position, element.size));
    position += element.size;
  }
  return list;
}

i64 number_of(std::string_view reply) {
  i64 number = -1;
  if (reply.size() < 4 || reply[0] != ':' ||
      !to_number(reply.substr(1, reply.size() - 3), number)) {
    return -1;
  }
  return number;
}

std::string_view bulk_of(std::string_view reply) {
  std::size_t position = 0;
  std::string_view line;
  if (!take_line(reply, position, line) || line[0] != '$' || position + 2 > reply.size()) return {};
  return reply.substr(position, reply.size() - position - 2);
}

std::string simple(std::string_view line) {
  return std::string("+").append(line).append("\r\n");
}

std::string error(std::string_view line) {
  return std::string("-").append(line).append("\r\n");
}

std::string integer(i64 number) {
  return std::string(":").append(std::to_string(number)).append("\r\n");
}

std::string bulk(std::string_view bytes) {
  std::string text("$");
  text.append(std::to_string(bytes.size())).append("\r\n");
  return text.append(bytes).append("\r\n");
}

std::string null_bulk() {
  return "$-1\r\n";
}

std::string array(const std::vector<std::string>& encoded) {
  std::string text("*");
  text.append(std::to_string(encoded.size())).append("\r\n");
  for (const std::string& element : encoded) text += element;
  return text;
}

std::string command(const std::vector<std::string>& arguments) {
  std::string text("*");
  text.append(std::to_string(arguments.size())).append("\r\n");
  for (const std::string& argument : arguments) text += bulk(argument);
  return text;
}

}  // namespace ringfold::sim::toy
