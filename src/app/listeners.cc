#include "app/listeners.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "app/endpoint.h"
#include "io/socket.h"

namespace ringfold {
namespace {

Expected<void> check_distinct(const Snapshot& snapshot) {
  std::map<std::string, std::string> endpoints;  // by address
  for (std::size_t p = 0; p < snapshot.config.pools.size(); ++p) {
    const PoolConfig& pool = snapshot.config.pools[p];
    for (std::size_t i = 0; i < pool.listen.size(); ++i) {
      const std::string endpoint = to_string(pool.listen[i]);
      const auto [first, is_new] =
          endpoints.emplace(to_string(snapshot.addresses[p].listen[i]), endpoint);
      if (is_new) continue;
      return fail(fmt::format("{} and {} are the same address {}: give one of them another port",
                              shown(first->second), shown(endpoint), first->first));
    }
  }
  return {};
}

}  // namespace

Expected<void> Listeners::open(Snapshot& snapshot) {
  if (auto distinct = check_distinct(snapshot); !distinct) return distinct;
  const std::size_t open_before = open_.size();
  for (std::size_t p = 0; p < snapshot.config.pools.size(); ++p) {
    const PoolConfig& pool = snapshot.config.pools[p];
    PoolAddresses& addresses = snapshot.addresses[p];
    addresses.sockets.clear();
    for (std::size_t i = 0; i < pool.listen.size(); ++i) {
      auto found = std::ranges::find(open_, addresses.listen[i], &Listener::address);
      if (found == open_.end()) {
        auto opened = open_one(addresses.listen[i], to_string(pool.listen[i]), listen_options(pool),
                               snapshot.config.threads);
        if (!opened) {
          for (std::size_t j = open_before; j < open_.size(); ++j) close(open_[j]);
          open_.resize(open_before);
          return tl::unexpected(opened.error());
        }
        found = open_.insert(open_.end(), std::move(*opened));
      }
      addresses.sockets.push_back(found->sockets);
    }
  }
  return {};
}

Expected<Listeners::Listener> Listeners::open_one(const Address& address,
                                                  const std::string& endpoint,
                                                  const ListenOptions& options, u32 workers) {
  Listener listener{address, endpoint, {}, {}};
  if (const SharedListener* const inherited = find_inherited(address); inherited != nullptr) {
    if (auto set = set_accepted_options(*inherited, options); !set)
      return tl::unexpected(set.error());
    listener.sockets.assign(workers, inherited->fd);
    return listener;
  }
  if (auto unused = check_address_unused(address); !unused) return tl::unexpected(unused.error());
  const u32 count = address.is_unix() ? 1 : workers;
  for (u32 i = 0; i < count; ++i) {
    const auto fd = open_listener(address, options);
    if (!fd) {
      close(listener);
      return tl::unexpected(fd.error());
    }
    listener.sockets.push_back(*fd);
  }
  if (!address.is_unix()) return listener;
  listener.sockets.assign(workers, listener.sockets.front());
  struct stat status {};
  const std::string path = to_string(address);
  if (::lstat(path.c_str(), &status) == 0) {
    listener.file = SocketFile{path, status.st_dev, status.st_ino};
  }
  return listener;
}

const SharedListener* Listeners::find_inherited(const Address& address) const {
  const auto found = std::ranges::find(inherited_, address, &SharedListener::address);
  return found == inherited_.end() ? nullptr : &*found;
}

Expected<void> Listeners::check_inherited_used() const {
  for (const SharedListener& listener : inherited_) {
    if (std::ranges::find(open_, listener.address, &Listener::address) != open_.end()) continue;
    return fail(
        fmt::format("the service manager has opened {}, where no pool listens: name it in a "
                    "pool's listen, or take it out of the .socket unit",
                    to_string(listener.address)));
  }
  return {};
}

void Listeners::keep_only(const Snapshot& snapshot) {
  std::vector<Listener> kept;
  for (std::size_t p = 0; p < snapshot.config.pools.size(); ++p) {
    const ListenOptions options = listen_options(snapshot.config.pools[p]);
    for (const Address& address : snapshot.addresses[p].listen) {
      const auto found = std::ranges::find(open_, address, &Listener::address);
      // The calls have succeeded on this very socket before, with values as good as these.
      for (const int fd : found->sockets) {
        static_cast<void>(set_accepted_options({address, fd}, options));
        static_cast<void>(::listen(fd, options.backlog));
      }
      kept.push_back(std::move(*found));
      open_.erase(found);
    }
  }
  for (const Listener& listener : open_) close(listener);
  open_ = std::move(kept);
}

void Listeners::close(const Listener& listener) {
  // The file first: as long as our socket is open its inode number is taken, so that equal numbers
  // mean our own file.
  struct stat now {};
  if (listener.file && ::lstat(listener.file->path.c_str(), &now) == 0 &&
      now.st_dev == listener.file->device && now.st_ino == listener.file->inode) {
    ::unlink(listener.file->path.c_str());
  }
  if (find_inherited(listener.address) != nullptr) return;
  for (std::size_t i = 0; i < listener.sockets.size(); ++i) {
    if (i == 0 || listener.sockets[i] != listener.sockets[i - 1]) ::close(listener.sockets[i]);
  }
}

void Listeners::close_and_remove() {
  for (const Listener& listener : open_) close(listener);
  open_.clear();
  for (const SharedListener& listener : inherited_) ::close(listener.fd);
  inherited_.clear();
}

}  // namespace ringfold
