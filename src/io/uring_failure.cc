#include <sys/resource.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "io/socket.h"
#include "io/uring_probe.h"

namespace ringfold {
namespace {

constexpr const char* kAllow =
    "allow io_uring_setup, io_uring_enter and io_uring_register in its seccomp profile";

std::string error_text(int error) {
  return std::generic_category().message(error);
}

std::string memory_remedy(const SetupCircumstances& around) {
  return "the ring does not fit the limit on locked memory, " +
         std::to_string(around.memlock_limit / 1024) +
         " KiB: raise it (ulimit -l unlimited, LimitMEMLOCK=infinity in a systemd unit) or run "
         "fewer threads";
}

std::string permission_remedy(const SetupCircumstances& around) {
  if (around.disabled == 2) {
    return "io_uring is disabled by kernel.io_uring_disabled=2: set it to 0 (sysctl -w "
           "kernel.io_uring_disabled=0)";
  }
  if (around.disabled == 1) {
    return "io_uring is kept from this user by kernel.io_uring_disabled=1: set it to 0 (sysctl -w "
           "kernel.io_uring_disabled=0) or put the user's group into kernel.io_uring_group";
  }
  return std::string("a security policy forbids io_uring (container runtimes do so by default): ") +
         kAllow;
}

}  // namespace

SetupCircumstances setup_circumstances() {
  SetupCircumstances around;
  std::ifstream setting("/proc/sys/kernel/io_uring_disabled");
  if (int value = 0; setting >> value) around.disabled = value;
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) around.memlock_limit = limit.rlim_cur;
  return around;
}

std::string describe_setup_failure(int error, const SetupCircumstances& around) {
  switch (error) {
    case ENOSYS:
      return "the kernel has no io_uring: Linux 6.1 or later is needed, with CONFIG_IO_URING";
    case EPERM:
    case EACCES:
      return permission_remedy(around);
    case ENOMEM:
      return memory_remedy(around);
    case EMFILE:
    case ENFILE:
      return describe_descriptor_failure("an io_uring", error);
    case EINVAL:
      return "the kernel's io_uring is too old: Linux 6.1 or later is needed";
    default:
      return "io_uring_setup failed: " + error_text(error);
  }
}

std::string describe_buffer_failure(int error, const SetupCircumstances& around) {
  switch (error) {
    case ENOMEM:
      return memory_remedy(around);
    case EPERM:
    case EACCES:
      return permission_remedy(around);
    case EINVAL:
      return "the kernel's io_uring has no buffer rings: Linux 6.1 or later is needed";
    default:
      return "cannot register receive buffers with io_uring: " + error_text(error);
  }
}

std::string describe_kill() {
  return std::string(
             "a security policy kills who uses io_uring (SystemCallFilter= of a systemd unit does "
             "so by default): ") +
         kAllow;
}

}  // namespace ringfold
