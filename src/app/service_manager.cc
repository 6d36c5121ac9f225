#include "app/service_manager.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <cerrno>
#include <cstring>

#include "app/poll_time.h"

namespace ringfold {

namespace {

auto fail_of(int fd) {
  return fail(fmt::format("descriptor {} of the service manager: {}", fd, std::strerror(errno)));
}

}  // namespace

Expected<std::vector<SharedListener>> take_inherited_listeners() {
  constexpr int kUnsetEnvironment = 1;
  const int count = ::sd_listen_fds(kUnsetEnvironment);
  if (count < 0) {
    return fail(
        fmt::format("LISTEN_FDS and LISTEN_PID are not understood: {}", std::strerror(-count)));
  }
  std::vector<SharedListener> listeners;
  for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) {
    constexpr int kListening = 1;
    if (::sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, kListening) <= 0) {
      return fail(
          fmt::format("descriptor {} was passed on by the service manager and is no "
                      "listening stream socket: use ListenStream= in the .socket unit",
                      fd));
    }
    SharedListener listener;
    listener.fd = fd;
    listener.address.length = sizeof(listener.address.storage);
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&listener.address.storage),
                      &listener.address.length) != 0) {
      return fail_of(fd);
    }
    // A ring waits by itself, and io_uring only on a socket that blocks.
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) return fail_of(fd);
    listeners.push_back(listener);
  }
  return listeners;
}

void notify_ready(const std::string& status) {
  // An error means that nobody can be told; the service manager's own time limit deals with that.
  ::sd_notify(0, fmt::format("READY=1\nSTATUS={}", status).c_str());
}

void notify_reloading() {
  constexpr Nanos kMicrosecond = 1000;
  // sd_notify(3) wants the monotonic clock, in microseconds.
  ::sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reloading",
                             monotonic_now() / kMicrosecond)
                     .c_str());
}

void notify_stopping() {
  ::sd_notify(0, "STOPPING=1\nSTATUS=answering what is in flight");
}

Nanos watchdog_period() {
  constexpr Nanos kMicrosecond = 1000;
  constexpr int kKeepEnvironment = 0;
  uint64_t microseconds = 0;
  if (::sd_watchdog_enabled(kKeepEnvironment, &microseconds) <= 0) return 0;
  // A period that does not fit the clock is none.
  if (microseconds > static_cast<uint64_t>(kNever / kMicrosecond)) return 0;
  return static_cast<Nanos>(microseconds) * kMicrosecond;
}

void notify_alive() {
  ::sd_notify(0, "WATCHDOG=1");
}

}  // namespace ringfold
