#include "core/mailbox.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

namespace ringfold {

namespace {

WorkerEvent make_event(WorkerEvent::Kind kind, LogLevel level, std::string_view text) {
  WorkerEvent event;
  event.kind = kind;
  event.level = level;
  event.length = static_cast<u16>(std::min(text.size(), WorkerEvent::kTextMax));
  std::memcpy(event.text, text.data(), event.length);
  return event;
}

}  // namespace

std::array<std::string_view, 4> WorkerEvent::slow_words() const {
  std::array<std::string_view, 4> words;
  std::string_view rest = view();
  for (std::string_view& word : words) {
    const std::size_t size = static_cast<unsigned char>(rest.front());
    word = rest.substr(1, size);
    rest.remove_prefix(1 + size);
  }
  return words;
}

void Outbox::post(WorkerEvent::Kind kind, LogLevel level, std::string_view text) {
  push(make_event(kind, level, text));
}

void Outbox::report_slow(const SlowTimes& times, std::string_view pool, std::string_view server,
                         std::string_view command, std::string_view key) {
  constexpr std::size_t kWordMax = WorkerEvent::kTextMax / 4 - 1;
  WorkerEvent event;
  event.kind = WorkerEvent::Kind::slow;
  event.times = times;
  for (std::string_view word : {pool, server, command, key}) {
    word = word.substr(0, kWordMax);
    event.text[event.length++] = static_cast<char>(word.size());
    if (!word.empty()) std::memcpy(event.text + event.length, word.data(), word.size());
    event.length = static_cast<u16>(event.length + word.size());
  }
  push(std::move(event));
}

void Outbox::note_drop() {
  ++dropped_;
  ++dropped_in_all_;
}

void Outbox::push(WorkerEvent event) {
  if (dropped_ > 0) {
    char note[64];
    const int length =
        std::snprintf(note, sizeof note, "%llu events were dropped: the log fell behind",
                      static_cast<unsigned long long>(dropped_));
    if (!ring_.try_push(make_event(WorkerEvent::Kind::log, LogLevel::warn,
                                   {note, static_cast<std::size_t>(length)}))) {
      note_drop();
      return;
    }
    dropped_ = 0;
  }
  if (!ring_.try_push(std::move(event))) {
    note_drop();
    return;
  }
  wake_supervisor();
}

void Outbox::ask_for_lookup(u16 pool, u16 server) {
  WorkerEvent event;
  event.kind = WorkerEvent::Kind::lookup;
  event.pool = pool;
  event.server = server;
  if (ring_.try_push(std::move(event))) wake_supervisor();
}

void Outbox::wake_supervisor() {
  if (wake_fd_ < 0) return;
  const u64 one = 1;
  // An eventfd write fails only when its counter is full, and then the supervisor is awake already.
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
}

}  // namespace ringfold
