#include "load/replay.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "load/command_template.h"
#include "load/request_words.h"
#include "load/texts.h"
#include "ringfold/base/limits.h"
#include "ringfold/proto/resp.h"

namespace ringfold::load {
namespace {

// Commands that mean something only on the connection, or in the moment, that they came from.
constexpr auto kOfTheConnection = std::to_array<std::string_view>(
    {"AUTH", "BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN",
     "DISCARD", "EXEC", "MULTI", "PUNSUBSCRIBE", "REPLCONF", "SELECT", "UNSUBSCRIBE", "UNWATCH",
     "WAIT", "WATCH"});

bool is_of_the_connection(std::string_view name) {
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return breaks_the_line(name) ||
         std::ranges::find(kOfTheConnection, upper) != kOfTheConnection.end();
}

// What MONITOR writes in front of a command: "1339518083.107412 [0 127.0.0.1:60866] ". 0: nothing
// of the kind.
std::size_t monitor_prefix(std::string_view line) {
  const std::size_t digits = line.find_first_not_of("0123456789.");
  if (digits == 0 || digits == std::string_view::npos) return 0;
  if (line.substr(digits, 2) != " [") return 0;
  const std::size_t end = line.find("] \"", digits);
  return end == std::string_view::npos ? 0 : end + 2;
}

}  // namespace

Expected<void> Replay::add_redis(std::string_view line) {
  const std::size_t prefix = monitor_prefix(line);
  if (prefix != 0 && line.substr(0, prefix).ends_with(" lua] ")) {
    ++skipped_;
    return {};
  }
  if (line == "OK") return {};  // what redis-cli says when MONITOR begins
  const auto words = split_words(line.substr(prefix));
  if (!words) return fail(words.error().text);
  if (is_of_the_connection((*words)[0])) {
    ++skipped_;
    return {};
  }
  Line added;
  added.offset = bytes_.size();
  added.reply_types = reply_types_of((*words)[0]);
  resp::encode_number_line(bytes_, '*', static_cast<i64>(words->size()));
  for (const std::string& word : *words) resp::encode_bulk(bytes_, word);
  added.size = static_cast<u32>(bytes_.size() - added.offset);
  lines_.push_back(added);
  return {};
}

Expected<void> Replay::add_memcached(std::string_view line) {
  std::string request = fmt::format("{}\r\n", line);
  const std::size_t line_size = request.size();
  request.append(kReadablePadding, '\0');
  RequestFrame frame;
  const memcached::CommandRow* row = nullptr;
  auto status =
      memcached::parse_request(std::string_view(request).substr(0, line_size), 1_GiB, frame, row);
  std::size_t size = line_size;
  if (status == ParseStatus::incomplete && frame.need > line_size) {
    size = frame.need;
    request.resize(line_size);
    request.append(size - line_size - 2, 'x');
    request += "\r\n";
    request.append(kReadablePadding, '\0');
    frame = RequestFrame{};
    status = memcached::parse_request(std::string_view(request).substr(0, size), 1_GiB, frame, row);
  }
  if (frame.error != nullptr) return fail(fmt::format("memcached would say: {}", frame.error));
  if (status != ParseStatus::complete || row == nullptr) return fail("it is no command");
  if (row->command == memcached::Command::quit || row->command == memcached::Command::watch) {
    ++skipped_;
    return {};
  }
  Line added;
  added.offset = bytes_.size();
  added.shape = row->reply;
  memcached::Quiet quiet = memcached::Quiet::none;
  const std::string_view whole = std::string_view(request).substr(0, size);
  memcached::encode_forward(bytes_, *row, whole, frame, quiet);
  bytes_ += whole.substr(frame.line_length);
  added.size = static_cast<u32>(bytes_.size() - added.offset);
  lines_.push_back(added);
  return {};
}

Expected<Replay> Replay::parse(std::string_view text, const std::string& name, Protocol protocol) {
  Replay replay;
  u64 number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const auto added =
        protocol == Protocol::redis ? replay.add_redis(line) : replay.add_memcached(line);
    if (!added) return fail(fmt::format("{}:{}: {}", name, number, added.error().text));
  }
  if (replay.lines_.empty()) return fail(fmt::format("{}: there is no command in it", name));
  return replay;
}

Expected<Replay> Replay::load(const std::string& path, Protocol protocol) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  if (file) text << file.rdbuf();
  if (!file) return fail(fmt::format("{}: it cannot be read", path));
  return parse(text.view(), path, protocol);
}

u64 Replay::size_max() const {
  return std::ranges::max_element(lines_, {}, &Line::size)->size;
}

}  // namespace ringfold::load
