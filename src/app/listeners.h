// What the process listens on, as a whole: checks before the workers open their own sockets, and
// the sockets that all workers share. Owner: the supervisor.
#pragma once

#include <sys/stat.h>

#include <span>
#include <string>
#include <vector>

#include "core/snapshot.h"
#include "ringfold/base/error.h"
#include "ringfold/io/ring.h"

namespace ringfold {

class Listeners {
 public:
  Listeners() = default;
  ~Listeners() { close_and_remove(); }
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  // Opens the unix sockets, and takes over those that a service manager has opened, which must be
  // on addresses of the configuration (inherited; their files are not removed at the end). Fails
  // when somebody else listens on one of the other addresses, or when two endpoints of the
  // configuration are one address.
  [[nodiscard]] Expected<void> open(const Snapshot& snapshot,
                                    std::vector<SharedListener> inherited);

  // For RingOptions. Valid until: close_and_remove().
  std::span<const SharedListener> shared() const { return shared_; }

  // Closes this object's descriptors, while workers may keep their duplicates, and removes the
  // socket files it made, unless another process has put its own in their place.
  void close_and_remove();

 private:
  struct SocketFile {
    std::string path;
    dev_t device;
    ino_t inode;
  };

  std::vector<SharedListener> shared_;
  std::vector<SocketFile> files_;
};

}  // namespace ringfold
