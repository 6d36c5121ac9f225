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

void Outbox::post(WorkerEvent::Kind kind, LogLevel level, std::string_view text) {
  if (dropped_ > 0) {
    char note[64];
    const int length =
        std::snprintf(note, sizeof note, "%llu events were dropped: the log fell behind",
                      static_cast<unsigned long long>(dropped_));
    if (!ring_.try_push(make_event(WorkerEvent::Kind::log, LogLevel::warn,
                                   {note, static_cast<std::size_t>(length)}))) {
      ++dropped_;
      return;
    }
    dropped_ = 0;
  }
  if (!ring_.try_push(make_event(kind, level, text))) {
    ++dropped_;
    return;
  }
  wake_supervisor();
}

void Outbox::ask_for_lookup(u32 generation, u16 pool, u16 server) {
  WorkerEvent event;
  event.kind = WorkerEvent::Kind::lookup;
  event.generation = generation;
  event.pool = pool;
  event.server = server;
  if (ring_.try_push(std::move(event))) wake_supervisor();
}

void Outbox::note_applied(u32 generation) {
  applied_.store(generation, std::memory_order_release);
  wake_supervisor();
}

void Outbox::wake_supervisor() {
  if (wake_fd_ < 0) return;
  const u64 one = 1;
  // An eventfd write fails only when its counter is full, and then the supervisor is awake already.
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
}

}  // namespace ringfold
