// What the process listens on: a socket for each worker and TCP address (SO_REUSEPORT: the kernel
// spreads the connections), one for all workers on a unix address or on one that a service manager
// has opened. Workers duplicate them. Owner: the supervisor.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "core/snapshot.h"
#include "ringfold/base/error.h"
#include "ringfold/io/ring.h"

namespace ringfold {

class Listeners {
 public:
  // inherited: of a service manager; now owned by this, though their files are never removed.
  explicit Listeners(std::vector<SharedListener> inherited) : inherited_(std::move(inherited)) {}
  ~Listeners() { close_and_remove(); }
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  // Opens what the snapshot names and is not open yet, and tells the snapshot all sockets. Fails
  // when somebody else listens on one of the addresses, or when two endpoints of the configuration
  // are one address; nothing has changed then.
  [[nodiscard]] Expected<void> open(Snapshot& snapshot);

  // The error names an inherited socket on which no pool listens.
  [[nodiscard]] Expected<void> check_inherited_used() const;

  // Closes what the snapshot does not name, and sets the options of the others as it says.
  // Requires: open() was called with it; workers that listened on the former ones have closed
  // theirs.
  void keep_only(const Snapshot& snapshot);

  // Closes this object's descriptors, while workers may keep their duplicates, and removes the
  // socket files it made, unless another process has put its own in their place.
  void close_and_remove();

 private:
  struct SocketFile {
    std::string path;
    dev_t device;
    ino_t inode;
  };
  struct Listener {
    Address address;
    std::string endpoint;      // in the words of the configuration
    std::vector<int> sockets;  // one a worker; the same one several times where it is shared
    std::optional<SocketFile> file;
  };

  Expected<Listener> open_one(const Address& address, const std::string& endpoint,
                              const ListenOptions& options, u32 workers);
  const SharedListener* find_inherited(const Address& address) const;
  void close(const Listener& listener);

  std::vector<SharedListener> inherited_;
  std::vector<Listener> open_;
};

}  // namespace ringfold
