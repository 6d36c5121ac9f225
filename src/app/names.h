// Names: the servers' host names, looked up while the process runs: the watch that decides what is
// looked up when, and the thread that does it. Owner: the supervisor's thread.
#pragma once

#include <memory>

#include "app/name_watch.h"
#include "app/resolver.h"
#include "core/snapshot.h"
#include "ringfold/base/error.h"

namespace ringfold {

class Names {
 public:
  // Starts the resolver's thread where a server has a name.
  [[nodiscard]] static Expected<Names> open(const Config& config, Lookup lookup);

  // The names of another configuration, which begin with the addresses that are known here and end
  // up in the snapshot.
  [[nodiscard]] Expected<Names> open_next(Snapshot& snapshot, Lookup lookup) const;

  // Waits until every name has been looked up once, but no longer than limit: then the process
  // starts without those that are missing. Writes what is found into the snapshot.
  [[nodiscard]] std::vector<NameNote> wait_for_first_round(Snapshot& snapshot, Nanos limit);

  // For poll(): readable when follow() has something to say. Negative: no server has a name.
  int fd() const { return resolver_ ? resolver_->fd() : -1; }

  // When follow() has to be called at the latest, by monotonic_now().
  Nanos due() const { return watch_.next_due(); }

  // Takes the answer that is there, if any, and gives the resolver what is due.
  [[nodiscard]] NameNews follow(Nanos now);

  // A worker has trouble with the server: has its name moved?
  void ask(u16 pool, u16 server, Nanos now) { watch_.ask(pool, server, now); }

 private:
  Names(NameWatch watch, std::unique_ptr<Resolver> resolver)
      : watch_(std::move(watch)), resolver_(std::move(resolver)) {}

  NameWatch watch_;
  std::unique_ptr<Resolver> resolver_;  // none where no server has a name
};

}  // namespace ringfold
