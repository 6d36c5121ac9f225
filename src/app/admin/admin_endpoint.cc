#include "app/admin/admin_endpoint.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <system_error>

#include "io/socket.h"

namespace ringfold {
namespace {

// Few ask; but where many connections wait and ask nothing, those who ask stand behind them for a
// moment, and a full queue would cost them a second until their kernel tries again.
constexpr ListenOptions kListenOptions{
    .backlog = 256, .keepalive = false, .unread_timeout_ms = 0, .is_shared = false};

}  // namespace

AdminEndpoint::AdminEndpoint(const Config& config, std::function<StatsView()> gather)
    : state_(config), site_(state_, requests_, std::move(gather)) {}

AdminEndpoint::~AdminEndpoint() {
  requests_.close();
  remove_socket_file();
  server_.reset();
}

Expected<void> AdminEndpoint::open(std::vector<SharedListener>& inherited) {
  const Config config = state_.config();
  if (!has_admin(config)) return {};
  if (requests_.fd() < 0) return fail("cannot open an eventfd for the admin endpoint");
  const auto listener = open_listener_of(config, inherited);
  if (!listener) return tl::unexpected(listener.error());
  // accept() must not block where the peer has gone meanwhile.
  const int flags = ::fcntl(*listener, F_GETFL);
  ::fcntl(*listener, F_SETFL, flags | O_NONBLOCK);
  try {
    server_.emplace(*listener,
                    [this](const HttpRequest& request) { return site_.answer(request); });
  } catch (const std::system_error& error) {
    return fail(
        fmt::format("cannot start the threads of the admin endpoint: {}; raise the limit "
                    "on processes (ulimit -u), or set admin.listen = \"\"",
                    error.what()));
  }
  return {};
}

Expected<int> AdminEndpoint::open_listener_of(const Config& config,
                                              std::vector<SharedListener>& inherited) {
  const auto address = resolve(config.admin_listen);
  if (!address) return tl::unexpected(address.error());
  const auto found = std::ranges::find(inherited, *address, &SharedListener::address);
  if (found != inherited.end()) {
    const int fd = found->fd;
    inherited.erase(found);
    return fd;
  }
  const auto fd = open_listener(*address, kListenOptions);
  if (!fd) return tl::unexpected(fd.error());
  take_file();
  return *fd;
}

void AdminEndpoint::take_file() {
  struct stat status {};
  const std::string path = state_.config().admin_listen.unix_path;
  if (!path.empty() && ::lstat(path.c_str(), &status) == 0) {
    file_ = SocketFile{path, status.st_dev, status.st_ino};
  }
}

void AdminEndpoint::leave_to_successor() {
  file_.reset();
  if (server_) server_->stop_accepting();
}

void AdminEndpoint::remove_socket_file() {
  if (!file_) return;
  // While the socket is open its inode number is taken: the same number is the same file.
  struct stat now {};
  const bool is_own = ::lstat(file_->path.c_str(), &now) == 0 && now.st_dev == file_->device &&
                      now.st_ino == file_->inode;
  if (is_own) ::unlink(file_->path.c_str());
  file_.reset();
}

}  // namespace ringfold
