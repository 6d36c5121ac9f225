// Worker: one thread's world. It owns the clients, the backends and the requests between them, and
// turns the ring's completions into their moves. Created and used by one thread only; the
// supervisor speaks to it through mailbox.h.
#pragma once

#include <memory>

#include "core/mailbox.h"
#include "core/snapshot.h"
#include "ringfold/base/error.h"
#include "ringfold/io/ring.h"

namespace ringfold {

struct WorkerOptions {
  u32 index = 0;
  u64 seed = 0;  // of all its random choices
};

// What a worker holds, for the simulator's and the tests' balance of accounts.
struct WorkerAccounts {
  u32 clients = 0;
  u32 requests = 0;
  u32 backend_connections = 0;
  u64 blocks = 0;       // memory blocks in use
  u64 block_bytes = 0;  // their bytes
};

class Worker {
 public:
  // Requires: snapshot, ring, control and outbox outlive the worker.
  Worker(const Snapshot& snapshot, Ring& ring, ControlRing& control, Outbox& outbox,
         const WorkerOptions& options);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Opens the listeners and, where configured, the first server connections.
  [[nodiscard]] Expected<void> start();

  // One turn: waits until something happens or is due (a default-constructed deadline in the future
  // may be cut short), handles all of it, and leaves what is to be sent with the ring.
  void tick();

  // True once a drain is complete: no client, no request, nothing in the ring. tick() is not to be
  // called again.
  [[nodiscard]] bool finished() const;

  [[nodiscard]] WorkerAccounts accounts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringfold
