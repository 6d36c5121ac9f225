#include "report.h"

#include <fmt/format.h>

#include <iterator>

#include "command.h"

namespace ringfold::torture {

namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += byte;
    } else if (byte >= ' ' && byte <= '~') {
      out += byte;
    } else {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<u8>(byte));
    }
  }
  out += '"';
  return out;
}

std::string object(const Report::Counts& counts) {
  std::string out = "{";
  for (const auto& [what, count] : counts) {
    if (out.size() > 1) out += ", ";
    fmt::format_to(std::back_inserter(out), "{}: {}", quoted(what), count);
  }
  out += '}';
  return out;
}

}  // namespace

std::string Report::json() const {
  Counts by_kind;
  u64 total = 0;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    if (commands[kind] == 0) continue;
    by_kind.emplace(name_of(static_cast<Kind>(kind)), commands[kind]);
    total += commands[kind];
  }
  return fmt::format(
      "{{\"commands\": {}, \"commands_by_kind\": {}, \"replies\": {}, \"errors\": {}, "
      "\"disconnects\": {}, \"stood_still_ms\": {}, \"unexplained_timeouts\": {}, \"connections\": "
      "{}, \"bytes_out\": {}, "
      "\"bytes_in\": {}, \"violation\": {}}}",
      total, object(by_kind), object(replies), object(errors), object(disconnects),
      stood_still / kMillisecond, unexplained_timeouts, connections, bytes_out, bytes_in,
      quoted(violation));
}

}  // namespace ringfold::torture
