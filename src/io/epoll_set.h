// EpollSet: one epoll instance and the system call that waits for it. It knows descriptors and
// events, not what they are for.
#pragma once

#include <sys/epoll.h>

#include <span>
#include <vector>

#include "ringfold/base/ints.h"
#include "ringfold/io/ring.h"

namespace ringfold {

class EpollSet {
 public:
  explicit EpollSet(const EpollFeatures& features) : features_(features) {}
  ~EpollSet();
  EpollSet(const EpollSet&) = delete;
  EpollSet& operator=(const EpollSet&) = delete;

  // 0 or -errno. Once per object. events_max: so many events come with one wait(), at least 1.
  [[nodiscard]] int open(std::size_t events_max);

  // 0 or -errno: ENOSPC means the limit fs.epoll.max_user_watches.
  [[nodiscard]] int add(int fd, u32 interest) { return control(EPOLL_CTL_ADD, fd, interest); }

  // Requires: fd is in the set.
  void modify(int fd, u32 interest);
  void remove(int fd);

  // What is ready, waiting for it no longer than timeout (kNever: no limit; 0: not at all). A
  // signal ends the wait. Each event carries its descriptor in data.fd. The kernel tells
  // level-triggered descriptors round robin. Valid until: the next wait().
  [[nodiscard]] std::span<epoll_event> wait(Nanos timeout);

 private:
  int control(int operation, int fd, u32 interest);
  int wait_for_events(Nanos timeout);

  const EpollFeatures features_;
  int fd_ = -1;
  std::vector<epoll_event> events_;
};

}  // namespace ringfold
