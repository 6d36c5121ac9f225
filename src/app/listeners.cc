#include "app/listeners.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "app/endpoint.h"
#include "io/socket.h"

namespace ringfold {

Expected<void> Listeners::open(const Snapshot& snapshot, std::vector<SharedListener> inherited) {
  std::map<std::string, std::string> endpoints;  // by address
  for (std::size_t p = 0; p < snapshot.config.pools.size(); ++p) {
    const PoolConfig& pool = snapshot.config.pools[p];
    for (std::size_t i = 0; i < pool.listen.size(); ++i) {
      const Address& address = snapshot.addresses[p].listen[i];
      const std::string endpoint = to_string(pool.listen[i]);
      const auto [first, is_new] = endpoints.emplace(to_string(address), endpoint);
      if (!is_new) {
        return fail(fmt::format("{} and {} are the same address {}: give one of them another port",
                                shown(first->second), shown(endpoint), first->first));
      }
      const ListenOptions options = listen_options(pool);
      const auto found = std::ranges::find(inherited, address, &SharedListener::address);
      if (found != inherited.end()) {
        shared_.push_back(*found);
        inherited.erase(found);
        if (auto set = set_accepted_options(shared_.back(), options); !set) return set;
        continue;
      }
      if (auto unused = check_address_unused(address); !unused) return unused;
      if (!address.is_unix()) continue;
      const auto fd = open_listener(address, options);
      if (!fd) return tl::unexpected(fd.error());
      shared_.push_back({address, *fd});
      struct stat status {};
      const std::string& path = pool.listen[i].unix_path;
      if (::lstat(path.c_str(), &status) == 0) {
        files_.push_back({path, status.st_dev, status.st_ino});
      }
    }
  }
  if (!inherited.empty()) {
    return fail(
        fmt::format("the service manager has opened {}, where no pool listens: name it in a "
                    "pool's listen, or take it out of the .socket unit",
                    to_string(inherited.front().address)));
  }
  return {};
}

void Listeners::close_and_remove() {
  // Files first: as long as our sockets are open their inode numbers are taken, so that equal
  // numbers mean our own file.
  for (const SocketFile& file : files_) {
    struct stat now {};
    if (::lstat(file.path.c_str(), &now) != 0) continue;
    if (now.st_dev == file.device && now.st_ino == file.inode) ::unlink(file.path.c_str());
  }
  files_.clear();
  for (const SharedListener& listener : shared_) ::close(listener.fd);
  shared_.clear();
}

}  // namespace ringfold
