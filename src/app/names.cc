#include "app/names.h"

#include <poll.h>

#include <utility>

#include "app/poll_time.h"

namespace ringfold {

Expected<Names> Names::open(const Config& config, Lookup lookup) {
  NameWatch watch(config);
  if (watch.empty()) return Names(std::move(watch), nullptr);
  auto resolver = Resolver::start(std::move(lookup));
  if (!resolver) return tl::unexpected(resolver.error());
  return Names(std::move(watch), std::move(*resolver));
}

Expected<Names> Names::open_next(Snapshot& snapshot, Lookup lookup) const {
  auto next = open(snapshot.config, std::move(lookup));
  if (!next) return next;
  for (const AddressChange& change : next->watch_.learn_from(watch_)) {
    snapshot.addresses[change.pool].servers[change.server] = change.address;
  }
  return next;
}

std::vector<NameNote> Names::wait_for_first_round(Snapshot& snapshot, Nanos limit) {
  std::vector<NameNote> notes;
  const Nanos end = monotonic_now() + limit;
  while (true) {
    NameNews news = follow(monotonic_now());
    notes.insert(notes.end(), news.notes.begin(), news.notes.end());
    for (const AddressChange& change : news.changes) {
      snapshot.addresses[change.pool].servers[change.server] = change.address;
    }
    const Nanos now = monotonic_now();
    if (watch_.is_first_round_over() || now >= end) break;
    pollfd polled{fd(), POLLIN, 0};
    ::poll(&polled, 1, poll_timeout(end, now));
  }
  const std::vector<NameNote> missing = watch_.give_up_first_round();
  notes.insert(notes.end(), missing.begin(), missing.end());
  return notes;
}

NameNews Names::follow(Nanos now) {
  NameNews news;
  if (!resolver_) return news;
  if (const auto found = resolver_->take_answer()) news = watch_.take_answer(*found, now);
  if (auto host = watch_.next_lookup(now)) resolver_->ask(std::move(*host));
  return news;
}

}  // namespace ringfold
