// Doorbell: the part of a ring that other threads may touch. An eventfd, which the ring watches for
// input, and a flag that spares all but the first ring of a burst the system call.
#pragma once

#include <atomic>

namespace ringfold {

class Doorbell {
 public:
  Doorbell() = default;
  ~Doorbell();
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  // 0 or -errno. Once per object.
  [[nodiscard]] int open();

  // Readable while the bell was rung and not answered.
  int fd() const { return fd_; }

  // Any thread; never blocks.
  void ring();

  // The owner, when fd() is readable. What callers wrote before they rang is seen after it.
  void answer();

 private:
  int fd_ = -1;
  std::atomic<bool> rung_{false};  // and the owner has not answered yet
};

}  // namespace ringfold
