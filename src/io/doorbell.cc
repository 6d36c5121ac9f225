#include "io/doorbell.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "ringfold/base/assert.h"
#include "ringfold/base/ints.h"

namespace ringfold {

Doorbell::~Doorbell() {
  if (fd_ >= 0) ::close(fd_);
}

int Doorbell::open() {
  RINGFOLD_ASSERT(fd_ == -1);
  fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd_ < 0 ? -errno : 0;
}

void Doorbell::ring() {
  // Only the first ring since the owner's last answer pays for a system call. Release: what the
  // caller wrote before is seen by the owner after its exchange.
  if (rung_.exchange(true, std::memory_order_acq_rel)) return;
  const u64 one = 1;
  const ssize_t written = ::write(fd_, &one, sizeof(one));
  // The counter would have to stand at 2^64 - 2 for EAGAIN.
  RINGFOLD_ASSERT(written == sizeof(one));
}

void Doorbell::answer() {
  // The counter is emptied before the flag is lowered. The other way round, a ring in between would
  // have its write swallowed and leave the flag up: no ring would ever write again.
  u64 rings = 0;
  const ssize_t size = ::read(fd_, &rings, sizeof(rings));
  RINGFOLD_ASSERT(size == sizeof(rings) || errno == EAGAIN);
  rung_.exchange(false, std::memory_order_acq_rel);
}

}  // namespace ringfold
