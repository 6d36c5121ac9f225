#include "app/takeover.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "ringfold/io/address.h"

namespace ringfold {
namespace {

// The kernel passes up to 253 descriptors with a message (SCM_MAX_FD, unix(7)).
constexpr std::size_t kSocketsPerMessage = 200;

// A process that runs answers at once; one that is stopped shall not hold up its successor.
constexpr int kPatienceSeconds = 5;

constexpr std::string_view kSockets = "sockets";
constexpr std::string_view kEnd = "end ";  // and the kind of ring
constexpr std::string_view kReady = "ready";
constexpr std::string_view kYours = "yours";

using Control = std::array<char, CMSG_SPACE(kSocketsPerMessage * sizeof(int))>;

Unexpected failure(const std::string& what) {
  return fail(fmt::format("takeover_socket: {}: {}", what, std::strerror(errno)));
}

Expected<Address> address_of(const std::string& path) {
  auto address = unix_address(path);
  if (!address) return fail("takeover_socket: " + address.error().text);
  return address;
}

int open_socket_of_messages() {
  return ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

bool is_of_this_user(int connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

bool send_message(int connection, std::string_view word, std::span<const int> sockets) {
  iovec vector{const_cast<char*>(word.data()), word.size()};
  alignas(cmsghdr) Control control{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  if (!sockets.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sockets.size_bytes());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sockets.size_bytes());
    std::memcpy(CMSG_DATA(header), sockets.data(), sockets.size_bytes());
  }
  return ::sendmsg(connection, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(word.size());
}

// The message's word, and its descriptors, which are the caller's. Empty: the other side has gone,
// or says nothing.
std::string receive_message(int connection, std::vector<int>& sockets) {
  std::array<char, 64> word{};
  iovec vector{word.data(), word.size()};
  alignas(cmsghdr) Control control{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  if (size <= 0) return {};
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    const std::size_t before = sockets.size();
    sockets.resize(before + count);
    std::memcpy(sockets.data() + before, CMSG_DATA(header), count * sizeof(int));
  }
  return {word.data(), static_cast<std::size_t>(size)};
}

Expected<SharedListener> listener_of(int fd) {
  SharedListener listener;
  listener.fd = fd;
  listener.address.length = sizeof(listener.address.storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&listener.address.storage),
                    &listener.address.length) != 0) {
    return failure("a socket of the process before is none");
  }
  return listener;
}

}  // namespace

Expected<std::unique_ptr<Predecessor>> Predecessor::find(const std::string& path,
                                                         const std::string& io) {
  const auto address = address_of(path);
  if (!address) return tl::unexpected(address.error());
  std::unique_ptr<Predecessor> found(new Predecessor(open_socket_of_messages()));
  const int fd = found->connection_.get();
  if (fd < 0) return failure("no socket can be opened");
  const timeval patience{kPatienceSeconds, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(fd, address->get(), address->length) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return std::unique_ptr<Predecessor>();
    return failure(fmt::format("nothing can be asked of {}", path));
  }
  if (!is_of_this_user(fd))
    return fail(fmt::format("takeover_socket: {} belongs to another user", path));
  if (auto received = found->receive_sockets(io); !received)
    return tl::unexpected(received.error());
  return found;
}

Expected<void> Predecessor::receive_sockets(const std::string& io) {
  std::vector<int> sockets;
  std::string word;
  do {
    word = receive_message(connection_.get(), sockets);
  } while (word == kSockets);
  Expected<void> result;
  if (!word.starts_with(kEnd)) {
    result = failure("the process that runs did not pass on its sockets");
  } else if (word.substr(kEnd.size()) != io) {
    result =
        fail(fmt::format("takeover_socket: the process that runs is on {}, this one on {}: "
                         "give both the same io",
                         word.substr(kEnd.size()), io));
  }
  for (const int fd : sockets) {
    auto listener = listener_of(fd);
    if (listener && result) {
      sockets_.push_back(*listener);
      continue;
    }
    ::close(fd);
    if (result) result = tl::unexpected(listener.error());
  }
  return result;
}

Expected<void> Predecessor::dismiss() {
  std::vector<int> none;
  if (!send_message(connection_.get(), kReady, {}) ||
      receive_message(connection_.get(), none) != kYours) {
    return failure("the process before does not answer");
  }
  return {};
}

Expected<std::unique_ptr<TakeoverPoint>> TakeoverPoint::open(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return tl::unexpected(address.error());
  struct stat status {};
  // Nobody listens there: a socket is left over from a process that was killed.
  if (::lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode))
      return fail(fmt::format("takeover_socket: {} exists and is not a socket", path));
    ::unlink(path.c_str());
  }
  std::unique_ptr<TakeoverPoint> point(new TakeoverPoint(path, open_socket_of_messages()));
  const int fd = point->listener_.get();
  if (fd < 0) return failure("no socket can be opened");
  // Who may connect could take the sockets: nobody but this user, from the first moment on.
  const mode_t mask = ::umask(0177);
  const bool is_bound = ::bind(fd, address->get(), address->length) == 0;
  ::umask(mask);
  if (!is_bound) {
    point->path_.clear();
    return failure(fmt::format("cannot make {}", path));
  }
  constexpr int kBacklog = 4;
  if (::listen(fd, kBacklog) != 0) return failure(fmt::format("cannot listen on {}", path));
  return point;
}

TakeoverPoint::~TakeoverPoint() {
  give_up_path();
}

void TakeoverPoint::give_up_path() {
  if (!path_.empty()) ::unlink(path_.c_str());
  path_.clear();
}

Expected<void> TakeoverPoint::greet(const std::vector<int>& sockets, const std::string& io) {
  const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return failure("nobody could be accepted");
  auto successor = std::make_unique<OwnedFd>(fd);
  if (!is_of_this_user(fd)) return fail("takeover_socket: another user was turned away");
  std::span<const int> left(sockets);
  while (!left.empty()) {
    const auto part = left.first(std::min(left.size(), kSocketsPerMessage));
    if (!send_message(fd, kSockets, part)) return failure("the sockets could not be passed on");
    left = left.subspan(part.size());
  }
  if (!send_message(fd, std::string(kEnd) + io, {}))
    return failure("the sockets could not be passed on");
  // Of two the later one counts; the other finds its connection closed, and gives up.
  successor_ = std::move(successor);
  return {};
}

bool TakeoverPoint::hear() {
  std::vector<int> sockets;
  const std::string word = receive_message(successor_->get(), sockets);
  for (const int fd : sockets) ::close(fd);
  const bool is_ready = word == kReady;
  if (is_ready) {
    give_up_path();
    static_cast<void>(send_message(successor_->get(), kYours, {}));
  }
  successor_.reset();
  return is_ready;
}

}  // namespace ringfold
