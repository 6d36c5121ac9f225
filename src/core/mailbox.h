// What passes between the supervisor and a worker: plain values through bounded single-producer
// single-consumer rings, one each way. The supervisor rings the worker's doorbell
// (Ring::ring_doorbell); the worker wakes the supervisor through the event descriptor in its
// outbox.
#pragma once

#include <atomic>
#include <string_view>

#include "ringfold/base/ints.h"
#include "ringfold/base/spsc_ring.h"
#include "ringfold/config.h"
#include "ringfold/io/address.h"

namespace ringfold {

struct Snapshot;

struct ControlMessage {
  enum class Kind : u8 {
    drain,    // accept nobody, finish what was asked
    cut_off,  // behind drain: its time is over, end at once
    reload,   // another configuration (reload.h)
    address,  // a server has a new address
  };
  Kind kind = Kind::drain;
  u16 pool = 0;  // address: the server's place in the configuration
  u16 server = 0;
  Address address = {};
  // reload: the one before is not needed any more when Outbox::applied() says so of this one.
  const Snapshot* snapshot = nullptr;
};

struct WorkerEvent {
  enum class Kind : u8 {
    log,
    started,
    failed,
    finished,
    lookup,  // a server with a name fails: has the name moved?
  };
  static constexpr std::size_t kTextMax = 240;  // longer text is cut

  Kind kind = Kind::log;
  LogLevel level = LogLevel::info;
  u16 pool = 0;  // lookup: the server's place in the configuration
  u16 server = 0;
  u32 generation = 0;  // lookup: which configuration that is
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

  // Asks for a new look at the server's name. Lost without a trace when the ring is full: a server
  // that goes on failing is asked for again. generation: of the snapshot in which it has this
  // place.
  void ask_for_lookup(u32 generation, u16 pool, u16 server);

  // The worker holds on to nothing of the snapshots before this one.
  void note_applied(u32 generation);

  // The generation noted last. Any thread.
  u32 applied() const { return applied_.load(std::memory_order_acquire); }

 private:
  void wake_supervisor();

  SpscRing<WorkerEvent>& ring_;
  int wake_fd_;
  u64 dropped_ = 0;
  std::atomic<u32> applied_{0};
};

}  // namespace ringfold
