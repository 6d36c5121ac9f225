#include "app/name_watch.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "app/endpoint.h"
#include "ringfold/base/assert.h"

namespace ringfold {
namespace {

// Between two lookups of one name, however many connections fail: a name server is asked by many.
constexpr Nanos kLookupGap = kSecond;

// A lookup that failed is repeated after a second, then two, four, and so on, up to dns_refresh_ms;
// or to this, where that is 0.
constexpr Nanos kFirstRetry = kSecond;
constexpr Nanos kLastRetry = 30 * kSecond;

// The bytes of an internet address stand in network order, so this is the order of the numbers.
bool is_lower(const Address& a, const Address& b) {
  return std::memcmp(&a.storage, &b.storage, a.length) < 0;
}

}  // namespace

Address choose_address(const std::vector<Address>& found, const Address& present) {
  RINGFOLD_ASSERT(!found.empty());
  if (std::ranges::find(found, present) != found.end()) return present;
  Address lowest = found.front();
  for (const Address& address : found) {
    if (address.family() == lowest.family() && is_lower(address, lowest)) lowest = address;
  }
  return lowest;
}

NameWatch::NameWatch(const Config& config)
    : refresh_(config.dns_refresh_ms == 0
                   ? kNever
                   : static_cast<Nanos>(config.dns_refresh_ms) * kMillisecond) {
  for (std::size_t pool = 0; pool < config.pools.size(); ++pool) {
    const std::size_t count = config.pools[pool].servers.size();
    host_of_.emplace_back(count, kNoHost);
    for (std::size_t server = 0; server < count; ++server) {
      add_server(config.pools[pool], static_cast<u16>(pool), static_cast<u16>(server));
    }
  }
  for (u32 index = 0; index < hosts_.size(); ++index) schedule(index, 0, false);
  first_answers_due_ = static_cast<u32>(hosts_.size());
}

// Servers that share a host share its lookups.
void NameWatch::add_server(const PoolConfig& pool, u16 pool_index, u16 index) {
  const ServerConfig& server = pool.servers[index];
  if (!has_host_name(server.endpoint)) return;
  const auto [place, is_new] =
      index_of_.emplace(server.endpoint.host, static_cast<u32>(hosts_.size()));
  if (is_new) {
    hosts_.emplace_back();
    hosts_.back().name = server.endpoint.host;
  }
  hosts_[place->second].servers.push_back(
      {pool_index, index, server.endpoint.port,
       fmt::format("pool {}: server {}", shown(pool.name), shown(server.name))});
  host_of_[pool_index][index] = place->second;
}

std::vector<AddressChange> NameWatch::learn_from(const NameWatch& other) {
  std::vector<AddressChange> changes;
  for (u32 index = 0; index < hosts_.size(); ++index) {
    Host& host = hosts_[index];
    const auto place = other.index_of_.find(host.name);
    if (place == other.index_of_.end()) continue;
    const Host& known = other.hosts_[place->second];
    if (!known.address.resolved()) continue;
    host.address = known.address;
    host.answered_at = known.answered_at;
    host.answered = true;
    --first_answers_due_;
    unschedule(index);
    // A lookup that is under way there is made again.
    schedule(index, place->second == other.under_way_ ? 0 : known.due, false);
    for (const Server& server : host.servers) {
      changes.push_back({server.pool, server.index, with_port(host.address, server.port)});
    }
  }
  return changes;
}

void NameWatch::schedule(u32 index, Nanos due, bool urgent) {
  Host& host = hosts_[index];
  host.due = due;
  host.urgent = urgent;
  if (due != kNever) (urgent ? urgent_ : routine_).emplace(due, index);
}

void NameWatch::unschedule(u32 index) {
  const Host& host = hosts_[index];
  (host.urgent ? urgent_ : routine_).erase({host.due, index});
}

std::optional<std::string> NameWatch::next_lookup(Nanos now) {
  if (under_way_ != kNoHost) return std::nullopt;
  for (const Queue* queue : {&urgent_, &routine_}) {
    if (queue->empty() || queue->begin()->first > now) continue;
    under_way_ = queue->begin()->second;
    unschedule(under_way_);
    return hosts_[under_way_].name;
  }
  return std::nullopt;
}

Nanos NameWatch::next_due() const {
  Nanos due = kNever;
  if (under_way_ != kNoHost) return due;
  for (const Queue* queue : {&urgent_, &routine_}) {
    if (!queue->empty()) due = std::min(due, queue->begin()->first);
  }
  return due;
}

NameNews NameWatch::take_answer(const LookupResult& found, Nanos now) {
  RINGFOLD_ASSERT(under_way_ != kNoHost);
  const u32 index = under_way_;
  under_way_ = kNoHost;
  Host& host = hosts_[index];
  if (!host.answered) --first_answers_due_;
  host.answered = true;
  host.answered_at = now;
  NameNews news;
  if (found) {
    host.failures = 0;
    take_addresses(host, *found, news);
    schedule(index, refresh_ == kNever ? kNever : now + refresh_, false);
  } else {
    ++host.failures;
    take_failure(host, found.error().text, news);
    schedule(index, now + delay_after_failure(host.failures), false);
  }
  return news;
}

Nanos NameWatch::delay_after_failure(u32 failures) const {
  constexpr u32 kDoublingsMax = 16;  // of a second: most of a day, and no overflow
  const Nanos delay = kFirstRetry << std::min(failures - 1, kDoublingsMax);
  return std::min(delay, refresh_ == kNever ? kLastRetry : refresh_);
}

void NameWatch::take_addresses(Host& host, const std::vector<Address>& found, NameNews& news) {
  const Address before = host.address;
  host.address = choose_address(found, before);
  const bool has_moved = !(host.address == before);
  for (const Server& server : host.servers) {
    const Address address = with_port(host.address, server.port);
    if (has_moved) news.changes.push_back({server.pool, server.index, address});
    if (has_moved && before.resolved()) {
      news.notes.push_back(
          {LogLevel::info, fmt::format("{} is now {} (was {})", server.title, to_string(address),
                                       to_string(with_port(before, server.port)))});
    } else if (has_moved && host.reported) {
      news.notes.push_back({LogLevel::info, fmt::format("{} is now {} (had no address)",
                                                        server.title, to_string(address))});
    } else if (host.reported) {
      news.notes.push_back({LogLevel::info, fmt::format("{} is still {}: its name has an address "
                                                        "again",
                                                        server.title, to_string(address))});
    }
  }
  host.reported = false;
}

// No answer is no reason to leave a server that may well be there.
void NameWatch::take_failure(Host& host, const std::string& reason, NameNews& news) {
  if (host.reported) return;
  host.reported = true;
  for (const Server& server : host.servers) {
    if (host.address.resolved()) {
      news.notes.push_back(
          {LogLevel::warn, fmt::format("{} stays {}: {}", server.title,
                                       to_string(with_port(host.address, server.port)), reason)});
    } else {
      news.notes.push_back({LogLevel::warn, fmt::format("{} has no address, its requests fail: {}",
                                                        server.title, reason)});
    }
  }
}

void NameWatch::ask(u16 pool, u16 server, Nanos now) {
  const u32 index = host_of_[pool][server];
  if (index == kNoHost || index == under_way_) return;
  Host& host = hosts_[index];
  // One that has waited for its first answer since the start is due already.
  if (host.urgent || !host.answered) return;
  unschedule(index);
  schedule(index, std::min(host.due, std::max(now, host.answered_at + kLookupGap)), true);
}

std::vector<NameNote> NameWatch::give_up_first_round() {
  std::vector<NameNote> notes;
  for (Host& host : hosts_) {
    if (host.answered) continue;
    host.reported = true;
    for (const Server& server : host.servers) {
      notes.push_back(
          {LogLevel::warn, fmt::format("{} has no address yet, its requests fail until \"{}\" is "
                                       "resolved",
                                       server.title, host.name)});
    }
  }
  return notes;
}

}  // namespace ringfold
