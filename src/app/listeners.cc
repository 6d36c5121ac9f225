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
        auto opened = open_one(addresses.listen[i], listen_options(pool), snapshot.config.threads);
        if (!opened) {
          for (std::size_t j = open_before; j < open_.size(); ++j) close(open_[j]);
          open_.resize(open_before);
          return tl::unexpected(opened.error());
        }
        found = open_.insert(open_.end(), std::move(*opened));
      }
      addresses.sockets.push_back(found->of_worker);
    }
  }
  return {};
}

// What there is goes round; who gets nothing shares the first one.
void Listeners::deal(Listener& listener, u32 workers) {
  listener.of_worker.assign(workers, {});
  for (std::size_t i = 0; i < listener.own.size(); ++i) {
    listener.of_worker[i % workers].push_back(listener.own[i]);
  }
  for (std::vector<int>& sockets : listener.of_worker) {
    if (sockets.empty()) sockets.push_back(listener.own.front());
  }
}

std::optional<Listeners::SocketFile> Listeners::file_at(const Address& address) {
  struct stat status {};
  const std::string path = to_string(address);
  if (!address.is_unix() || ::lstat(path.c_str(), &status) != 0) return std::nullopt;
  return SocketFile{path, status.st_dev, status.st_ino};
}

Expected<Listeners::Listener> Listeners::open_one(const Address& address,
                                                  const ListenOptions& options, u32 workers) {
  Listener listener;
  listener.address = address;
  listener.own = take_inherited(address);
  const bool is_inherited = !listener.own.empty();
  listener.is_managed = is_inherited && inherited_.from == Inherited::From::service_manager;
  for (const int fd : listener.own) {
    if (auto set = set_accepted_options({address, fd}, options); !set) {
      close(listener);
      return tl::unexpected(set.error());
    }
  }
  if (!is_inherited) {
    if (auto unused = check_address_unused(address); !unused) return tl::unexpected(unused.error());
  }
  const bool is_shared = address.is_unix() || listener.is_managed;
  while (listener.own.size() < (is_shared ? 1 : workers)) {
    const auto fd = open_listener(address, options);
    // A predecessor's may be one that cannot have another beside it: then all share it.
    if (!fd && is_inherited) break;
    if (!fd) {
      close(listener);
      return tl::unexpected(fd.error());
    }
    listener.own.push_back(*fd);
  }
  deal(listener, workers);
  if (!is_inherited) listener.file = file_at(address);
  return listener;
}

std::vector<int> Listeners::take_inherited(const Address& address) {
  std::vector<int> taken;
  std::erase_if(inherited_.sockets, [&](const SharedListener& listener) {
    if (!(listener.address == address)) return false;
    taken.push_back(listener.fd);
    return true;
  });
  return taken;
}

Expected<void> Listeners::settle_unused() {
  if (inherited_.sockets.empty()) return {};
  if (inherited_.from == Inherited::From::service_manager) {
    return fail(
        fmt::format("the service manager has opened {}, where no pool listens: name it in a "
                    "pool's listen, or take it out of the .socket unit",
                    to_string(inherited_.sockets.front().address)));
  }
  for (const SharedListener& listener : inherited_.sockets) ::close(listener.fd);
  inherited_.sockets.clear();
  return {};
}

std::vector<int> Listeners::all() const {
  std::vector<int> sockets;
  for (const Listener& listener : open_)
    sockets.insert(sockets.end(), listener.own.begin(), listener.own.end());
  return sockets;
}

void Listeners::leave_files() {
  for (Listener& listener : open_) listener.file.reset();
}

void Listeners::take_files() {
  for (Listener& listener : open_) {
    if (!listener.is_managed) listener.file = file_at(listener.address);
  }
}

void Listeners::keep_only(const Snapshot& snapshot) {
  std::vector<Listener> kept;
  for (std::size_t p = 0; p < snapshot.config.pools.size(); ++p) {
    const ListenOptions options = listen_options(snapshot.config.pools[p]);
    for (const Address& address : snapshot.addresses[p].listen) {
      const auto found = std::ranges::find(open_, address, &Listener::address);
      RINGFOLD_ASSERT(found != open_.end());
      // The calls have succeeded on this very socket before, with values as good as these.
      for (const int fd : found->own) {
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
  for (const int fd : listener.own) {
    // The service manager goes on listening, so a later configuration may need it again.
    if (listener.is_managed) {
      inherited_.sockets.push_back({listener.address, fd});
    } else {
      ::close(fd);
    }
  }
}

void Listeners::close_and_remove() {
  for (const Listener& listener : open_) close(listener);
  open_.clear();
  for (const SharedListener& listener : inherited_.sockets) ::close(listener.fd);
  inherited_.sockets.clear();
}

}  // namespace ringfold
