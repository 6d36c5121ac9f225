#include "app/slow_log.h"

#include <fmt/core.h>

namespace ringfold {

namespace {

double seconds(Stamp stamps) {
  return stamps * kStampSeconds;
}

}  // namespace

void SlowLog::add(u32 worker, const WorkerEvent& event, double time_unix_seconds) {
  const auto [pool, server, command, key] = event.slow_words();
  if (entries_.size() == kEntries) entries_.pop_back();
  entries_.push_front({.time_unix_seconds = time_unix_seconds,
                       .worker = worker,
                       .pool = std::string(pool),
                       .server = std::string(server),
                       .command = std::string(command),
                       .key_prefix = escaped_key(key),
                       .total_seconds = seconds(event.times.total),
                       .waiting_seconds = seconds(event.times.waiting),
                       .serving_seconds = seconds(event.times.serving),
                       .writing_seconds = seconds(event.times.writing)});
}

std::string escaped_key(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    if (byte >= ' ' && byte <= '~' && byte != '\\') {
      text += byte;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    }
  }
  return text;
}

}  // namespace ringfold
