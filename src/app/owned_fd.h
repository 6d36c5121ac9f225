// OwnedFd: a descriptor that is closed at the end of its owner.
#pragma once

#include <unistd.h>

namespace ringfold {

class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_(fd) {}
  ~OwnedFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;

  // Negative: there is none.
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace ringfold
