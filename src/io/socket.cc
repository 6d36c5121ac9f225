#include "io/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include "ringfold/base/assert.h"

namespace ringfold {
namespace {

// Closes what a failed set-up leaves behind.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int take() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

bool set_option(int fd, int level, int option, int value) {
  return ::setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

bool set_on(int fd, int level, int option) {
  return set_option(fd, level, option, 1);
}

std::string remedy(const Address& address, int error) {
  switch (error) {
    case EADDRINUSE:
      return address.is_unix() ? "; another process made this socket just now"
                               : "; another process holds the port";
    case EADDRNOTAVAIL:
      return "; no interface of this machine has the address";
    case EACCES:
      return address.is_unix() ? "; the folder must be writable for this user"
                               : "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
    case ENOENT:
    case ENOTDIR:
      return "; the folder of the socket must exist";
    case EAFNOSUPPORT:
      return "; this machine has no such addresses (is IPv6 off?)";
    case EMFILE:
    case ENFILE:
      return "; raise the limit on open files (ulimit -n)";
    default:
      return "";
  }
}

Unexpected listen_failure(const Address& address, int error) {
  return fail("cannot listen on " + to_string(address) + ": " +
              std::generic_category().message(error) + remedy(address, error));
}

Unexpected listen_failure(const Address& address, const std::string& why) {
  return fail("cannot listen on " + to_string(address) + ": " + why);
}

// True when a process accepts connections at the path. A full backlog (EAGAIN) and a socket of
// another type (EPROTOTYPE) are somebody's too: only a refusal proves that the file is left over.
bool somebody_listens(const Address& address) {
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.valid()) return true;
  return ::connect(probe.get(), address.get(), address.length) == 0 || errno != ECONNREFUSED;
}

// Makes room for a unix socket, where that takes nothing from anybody.
Expected<void> clear_path(const Address& address) {
  const std::string path = to_string(address);
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return listen_failure(address, errno);
  }
  // Connecting to a regular file is refused as well, so the type is looked at first.
  if (!S_ISSOCK(status.st_mode)) {
    return listen_failure(address, "the path exists and is not a socket; move it away");
  }
  if (somebody_listens(address)) {
    return listen_failure(address,
                          "another process listens on this socket (or its permissions hide it); "
                          "stop it or choose another path");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return listen_failure(address, errno);
  return {};
}

}  // namespace

int open_socket(const Address& address, bool keepalive) {
  Descriptor fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return -errno;
  if (!address.is_unix()) {
    if (!set_on(fd.get(), IPPROTO_TCP, TCP_NODELAY)) return -errno;
    if (keepalive && !set_on(fd.get(), SOL_SOCKET, SO_KEEPALIVE)) return -errno;
  }
  return fd.take();
}

void set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  RINGFOLD_ASSERT(flags >= 0);
  const int result = ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  RINGFOLD_ASSERT(result == 0);
}

void set_send_buffer(int fd, u32 bytes) {
  if (bytes == 0) return;
  const int size = static_cast<int>(bytes);
  const int result = ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
  RINGFOLD_ASSERT(result == 0);
}

Expected<void> set_accepted_options(const SharedListener& listener, const ListenOptions& options) {
  if (listener.address.is_unix()) return {};
  const u32 timeout_ms = std::min<u32>(options.unread_timeout_ms, INT32_MAX);
  const bool set =
      set_on(listener.fd, IPPROTO_TCP, TCP_NODELAY) &&
      set_option(listener.fd, SOL_SOCKET, SO_KEEPALIVE, options.keepalive ? 1 : 0) &&
      set_option(listener.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(timeout_ms));
  if (!set) return listen_failure(listener.address, errno);
  return {};
}

Expected<int> open_listener(const Address& address, const ListenOptions& options) {
  if (address.is_unix()) {
    if (auto cleared = clear_path(address); !cleared) return fail(cleared.error().text);
  }
  Descriptor fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return listen_failure(address, errno);
  if (!address.is_unix()) {
    const bool set = set_on(fd.get(), SOL_SOCKET, SO_REUSEADDR) &&
                     (!options.is_shared || set_on(fd.get(), SOL_SOCKET, SO_REUSEPORT));
    if (!set) return listen_failure(address, errno);
  }
  if (auto set = set_accepted_options({address, fd.get()}, options); !set) {
    return tl::unexpected(set.error());
  }
  if (::bind(fd.get(), address.get(), address.length) != 0) return listen_failure(address, errno);
  if (::listen(fd.get(), options.backlog) != 0) return listen_failure(address, errno);
  return fd.take();
}

Expected<int> open_or_duplicate_listener(const Address& address, const ListenOptions& options) {
  if (options.shared < 0) return open_listener(address, options);
  const int fd = ::fcntl(options.shared, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return listen_failure(address, errno);
  return fd;
}

Expected<void> check_address_unused(const Address& address) {
  if (address.is_unix()) return {};
  const Descriptor fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return listen_failure(address, errno);
  // SO_REUSEADDR without SO_REUSEPORT: connections of an earlier run that linger in TIME_WAIT do
  // not count, a listening socket does.
  if (!set_on(fd.get(), SOL_SOCKET, SO_REUSEADDR)) return listen_failure(address, errno);
  if (::bind(fd.get(), address.get(), address.length) != 0) return listen_failure(address, errno);
  return {};
}

std::string describe_descriptor_failure(const std::string& what, int error) {
  if (error == EMFILE || error == ENFILE) {
    return "cannot open " + what +
           ": the limit on open files is reached: raise it (ulimit -n, LimitNOFILE= in a systemd "
           "unit)";
  }
  return "cannot open " + what + ": " + std::generic_category().message(error);
}

}  // namespace ringfold
