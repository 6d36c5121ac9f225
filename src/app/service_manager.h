// What a service manager such as systemd and this process say to each other: which sockets it has
// opened for us (sd_listen_fds(3)), and how far we are (sd_notify(3)). Without one nothing is said
// and nothing inherited.
#pragma once

#include <string>
#include <vector>

#include "ringfold/base/error.h"
#include "ringfold/base/ints.h"
#include "ringfold/io/ring.h"

namespace ringfold {

// The listening sockets that were passed on; the descriptors are the caller's. Fails when one of
// them is no listening stream socket. To be called once, before the first thread: it takes
// LISTEN_FDS and its like out of the environment.
[[nodiscard]] Expected<std::vector<SharedListener>> take_inherited_listeners();

// All workers listen.
void notify_ready(const std::string& status);

// A reload has begun: its end is another notify_ready(). Service managers that wait for a reload
// (systemd 253: Type=notify-reload) tell it from an earlier one by the time, which is given along.
void notify_reloading();

// The drain has begun.
void notify_stopping();

// How long the service manager waits for a notify_alive() before it restarts this process; 0: it
// does not (WATCHDOG_USEC and WATCHDOG_PID, sd_watchdog_enabled(3)).
[[nodiscard]] Nanos watchdog_period();

void notify_alive();

}  // namespace ringfold
