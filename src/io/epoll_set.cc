#include "io/epoll_set.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "ringfold/base/assert.h"

namespace ringfold {

EpollSet::~EpollSet() {
  if (fd_ >= 0) ::close(fd_);
}

int EpollSet::open(std::size_t events_max) {
  RINGFOLD_ASSERT(fd_ == -1 && events_max > 0);
  fd_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd_ < 0) return -errno;
  events_.resize(events_max);
  return 0;
}

int EpollSet::control(int operation, int fd, u32 interest) {
  epoll_event event{};
  event.events = interest;
  event.data.fd = fd;
  return ::epoll_ctl(fd_, operation, fd, &event) == 0 ? 0 : -errno;
}

void EpollSet::modify(int fd, u32 interest) {
  const int error = control(EPOLL_CTL_MOD, fd, interest);
  RINGFOLD_ASSERT(error == 0);
}

void EpollSet::remove(int fd) {
  const int error = control(EPOLL_CTL_DEL, fd, 0);
  RINGFOLD_ASSERT(error == 0);
}

int EpollSet::wait_for_events(Nanos timeout) {
  const int limit = static_cast<int>(events_.size());
  if (features_.nanosecond_waits) {
    const timespec time{timeout / kSecond, timeout % kSecond};
    return ::epoll_pwait2(fd_, events_.data(), limit, timeout == kNever ? nullptr : &time, nullptr);
  }
  if (timeout == kNever) return ::epoll_wait(fd_, events_.data(), limit, -1);
  // Rounded up: a wait must not end before its deadline.
  const Nanos rounded = timeout / kMillisecond + (timeout % kMillisecond != 0 ? 1 : 0);
  constexpr Nanos kLongest = std::numeric_limits<int>::max();
  return ::epoll_wait(fd_, events_.data(), limit, static_cast<int>(std::min(rounded, kLongest)));
}

std::span<epoll_event> EpollSet::wait(Nanos timeout) {
  const int count = wait_for_events(timeout);
  // A signal is the only weather here.
  RINGFOLD_ASSERT(count >= 0 || errno == EINTR);
  return std::span(events_).first(static_cast<std::size_t>(std::max(count, 0)));
}

EpollFeatures probe_epoll() {
  EpollFeatures features;
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) return features;  // open_epoll() will say why
  epoll_event event{};
  const timespec none{};
  // A kernel without it says ENOSYS, a filter made before it existed says EPERM.
  features.nanosecond_waits = ::epoll_pwait2(fd, &event, 1, &none, nullptr) == 0;
  ::close(fd);
  return features;
}

std::string to_string(const EpollFeatures& features) {
  return features.nanosecond_waits ? "nanosecond waits" : "millisecond waits";
}

}  // namespace ringfold
