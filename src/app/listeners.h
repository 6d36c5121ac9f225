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

// Sockets that exist when the process starts, several of them perhaps on one address.
struct Inherited {
  enum class From : u8 { service_manager, predecessor };
  From from = From::service_manager;
  std::vector<SharedListener> sockets;
};

class Listeners {
 public:
  // inherited: now owned by this. The files of unix sockets are a service manager's, who keeps
  // them, but not a predecessor's.
  explicit Listeners(Inherited inherited) : inherited_(std::move(inherited)) {}
  ~Listeners() { close_and_remove(); }
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  // Opens what the snapshot names and is not open yet, and tells the snapshot all sockets. Fails
  // when somebody else listens on one of the addresses, or when two endpoints of the configuration
  // are one address; nothing has changed then.
  [[nodiscard]] Expected<void> open(Snapshot& snapshot);

  // Of the inherited sockets on which no pool listens a predecessor's are closed; one of a service
  // manager is an error.
  [[nodiscard]] Expected<void> settle_unused();

  // All that are open, for a successor. Valid until: the next call of another function.
  [[nodiscard]] std::vector<int> all() const;

  // The files of unix sockets are somebody else's from now on; a predecessor's are ours.
  void leave_files();
  void take_files();

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
    bool is_managed = false;
    std::vector<int> own;  // each once; owned, but where is_managed
    std::vector<std::vector<int>> of_worker;
    std::optional<SocketFile> file;
  };

  Expected<Listener> open_one(const Address& address, const ListenOptions& options, u32 workers);
  std::vector<int> take_inherited(const Address& address);
  static std::optional<SocketFile> file_at(const Address& address);
  static void deal(Listener& listener, u32 workers);
  void close(const Listener& listener);

  Inherited inherited_;  // those that are not in open_
  std::vector<Listener> open_;
};

}  // namespace ringfold
