// Watchdog: tells the service manager that the process lives, as long as every worker turns. A
// worker that hangs ends that, so that the service manager restarts the process (systemd:
// WatchdogSec=). Owner: the supervisor, whose loop calls look_after().
//
// Workers that start yet, or have ended, count as well: systemd counts from READY=1 on only
// (systemd.service(5), WatchdogSec=), other service managers may not. During a drain it goes on:
// what drains can hang as well.
#pragma once

#include <memory>
#include <span>

#include "app/log.h"
#include "app/worker_thread.h"
#include "ringfold/base/ints.h"

namespace ringfold {

class Watchdog {
 public:
  // period: how long the service manager waits for a sign of life; 0: it does not wait for any.
  // Requires: log outlives this.
  Watchdog(Nanos period, Log& log);

  // When look_after() has something to do: kNever without a service manager that waits.
  Nanos due() const { return due_; }

  // When due: says that the process lives if every running worker has turned since that was said
  // last, and wakes those that have nothing to do, so that they turn before the next time. Else
  // names the worker that hangs in the log, once.
  void look_after(std::span<const std::unique_ptr<WorkerThread>> workers, Nanos now);

 private:
  const Nanos interval_;
  Log& log_;
  Nanos due_;
  Nanos alive_at_ = 0;  // when life was shown last; 0: never
  bool has_warned_ = false;
};

}  // namespace ringfold
