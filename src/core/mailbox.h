// What passes between the supervisor and a worker: plain values through bounded single-producer
// single-consumer rings, one each way. The supervisor rings the worker's doorbell
// (Ring::ring_doorbell); the worker wakes the supervisor through the event descriptor in its
// outbox.
#pragma once

#include <string_view>

#include "ringfold/base/ints.h"
#include "ringfold/base/spsc_ring.h"
#include "ringfold/config.h"

namespace ringfold {

struct ControlMessage {
  enum class Kind : u8 { drain };
  Kind kind = Kind::drain;
};

struct WorkerEvent {
  enum class Kind : u8 { log, started, failed, finished };
  static constexpr std::size_t kTextMax = 244;  // longer text is cut

  Kind kind = Kind::log;
  LogLevel level = LogLevel::info;
  u16 length = 0;
  char text[kTextMax] = {};

  std::string_view view() const { return {text, length}; }
};

using ControlRing = SpscRing<ControlMessage>;

// The worker's end of its event ring. Never blocks: an event that finds the ring full is dropped
// and counted, and the count goes out as a log event when there is room again.
class Outbox {
 public:
  // wake_fd: an eventfd of the supervisor's, written after each event; -1: none (simulator). Not
  // owned.
  Outbox(SpscRing<WorkerEvent>& ring, int wake_fd) : ring_(ring), wake_fd_(wake_fd) {}

  void post(WorkerEvent::Kind kind, LogLevel level, std::string_view text);
  void log(LogLevel level, std::string_view text) { post(WorkerEvent::Kind::log, level, text); }

 private:
  SpscRing<WorkerEvent>& ring_;
  int wake_fd_;
  u64 dropped_ = 0;
};

}  // namespace ringfold
