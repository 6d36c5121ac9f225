// What passes between the supervisor and a worker: plain values through bounded single-producer
// single-consumer rings, one each way. The supervisor rings the worker's doorbell
// (Ring::ring_doorbell); the worker wakes the supervisor through the event descriptor in its
// outbox.
#pragma once

#include <array>
#include <string_view>

#include "core/histogram.h"
#include "ringfold/base/ints.h"
#include "ringfold/base/spsc_ring.h"
#include "ringfold/config.h"
#include "ringfold/io/address.h"

namespace ringfold {

struct ControlMessage {
  enum class Kind : u8 {
    drain,    // accept nobody, finish what was asked
    cut_off,  // behind drain: its time is over, end at once
    address,  // a server has a new address
  };
  Kind kind = Kind::drain;
  u16 pool = 0;  // address: the server's place in the configuration
  u16 server = 0;
  Address address = {};
};

// Where a slow request's time went; writing: until its reply was put behind what waits for its
// client.
struct SlowTimes {
  Stamp total = 0;
  Stamp waiting = 0;
  Stamp serving = 0;
  Stamp writing = 0;
};

struct WorkerEvent {
  enum class Kind : u8 {
    log,
    started,
    failed,
    finished,
    lookup,  // a server with a name fails: has the name moved?
    slow,    // a request took longer than slow_ms
  };
  static constexpr std::size_t kTextMax = 240;  // longer text is cut

  Kind kind = Kind::log;
  LogLevel level = LogLevel::info;
  u16 pool = 0;  // lookup: the server's place in the configuration
  u16 server = 0;
  u16 length = 0;
  char text[kTextMax] = {};
  SlowTimes times;  // slow

  // slow: pool, server, command and the first bytes of the key, which may be any. Valid as long as
  // the event.
  std::array<std::string_view, 4> slow_words() const;

  std::string_view view() const { return {text, length}; }
};

// How many slow requests a worker reports, so that they do not push out its log lines.
class SlowQuota {
 public:
  bool take(Stamp now, u32 tick) {
    if (now - since_ > kSecondInStamps) {
      since_ = now;
      taken_ = 0;
    }
    if (tick != tick_) {
      tick_ = tick;
      taken_in_tick_ = 0;
    }
    if (taken_ == kPerSecond || taken_in_tick_ == kPerTick) return false;
    ++taken_;
    ++taken_in_tick_;
    return true;
  }

 private:
  static constexpr Stamp kSecondInStamps = stamp_of(kSecond);
  static constexpr u32 kPerSecond = 64;
  static constexpr u32 kPerTick = 8;

  Stamp since_ = 0;
  u32 taken_ = 0;
  u32 tick_ = 0;
  u32 taken_in_tick_ = 0;
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

  // Asks for a new look at the server's name. Lost without a trace when the ring is full: a server
  // that goes on failing is asked for again.
  void ask_for_lookup(u16 pool, u16 server);

  // Words that are too long are cut. Dropped and counted like a log line.
  void report_slow(const SlowTimes& times, std::string_view pool, std::string_view server,
                   std::string_view command, std::string_view key);

  // Events that found the ring full, since the start; of lookups none is counted.
  u64 dropped() const { return dropped_in_all_; }

 private:
  void push(WorkerEvent event);
  void note_drop();
  void wake_supervisor();

  SpscRing<WorkerEvent>& ring_;
  int wake_fd_;
  u64 dropped_ = 0;  // since the last note of it in the log
  u64 dropped_in_all_ = 0;
};

}  // namespace ringfold
