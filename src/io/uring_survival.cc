// Security policies may answer a system call with a signal instead of an error. Whoever probes for
// itself would be dead before it could take epoll, so a child goes first.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "io/uring_probe.h"

namespace ringfold {
namespace {

// Calls that can only fail; a policy looks at their numbers and not at that. Whoever comes to the
// end writes a byte.
[[noreturn]] void make_calls(int told) {
  ::prctl(PR_SET_DUMPABLE, 0);  // this death is nothing to keep a core of
  ::syscall(SYS_io_uring_setup, 0, nullptr);
  ::syscall(SYS_io_uring_enter, -1, 0, 0, 0, nullptr, 0);
  ::syscall(SYS_io_uring_register, -1, 0, nullptr, 0);
  [[maybe_unused]] const ssize_t written = ::write(told, "", 1);
  ::_exit(0);
}

}  // namespace

bool survives_uring_calls() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return true;
  const pid_t child = ::fork();
  if (child == 0) make_calls(ends[1]);
  ::close(ends[1]);
  char byte = 0;
  ssize_t size = child > 0 ? 0 : 1;
  // The pipe tells, not the exit status: where SIGCHLD is ignored there is none.
  if (child > 0) {
    do {
      size = ::read(ends[0], &byte, 1);
    } while (size < 0 && errno == EINTR);
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  ::close(ends[0]);
  return size == 1;
}

}  // namespace ringfold
