#include "network.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace ringfold::sim {

namespace {

// What one delivery moves at most when it goes byte by byte: long streams would otherwise take
// hundreds of thousands of events.
std::size_t small_piece(std::size_t waiting) {
  return waiting <= 4096 ? 1 : waiting / 128;
}

}  // namespace

void End::write(std::string_view bytes) {
  if (!writable() || bytes.empty()) return;
  Connection::Stream& stream = connection_->streams_[side_];
  stream.wire.append(bytes);
  connection_->schedule(side_, connection_->latency());
}

std::size_t End::room() const {
  const std::size_t used = connection_->streams_[side_].wire.size();
  const std::size_t window = connection_->policy_.window;
  return used < window ? window - used : 0;
}

std::string_view End::arrived() const {
  return connection_->streams_[1 - side_].arrived.view();
}

void End::consume(std::size_t count) {
  connection_->streams_[1 - side_].arrived.consume(count);
  connection_->schedule(1 - side_, 0);
}

bool End::finished() const {
  const Connection::Stream& stream = connection_->streams_[1 - side_];
  return stream.fin_arrived && stream.arrived.empty();
}

bool End::broken() const {
  return connection_->streams_[1 - side_].reset_arrived;
}

bool End::writable() const {
  return !closed_ && !broken() && !connection_->streams_[side_].fin_written &&
         !connection_->streams_[side_].reset_written;
}

void End::shutdown() {
  if (!writable()) return;
  connection_->streams_[side_].fin_written = true;
  connection_->schedule(side_, connection_->latency());
}

void End::close() {
  if (closed_) return;
  const bool unread = !arrived().empty();
  if (unread && writable()) {
    connection_->write_reset(side_, connection_->universe_.dice.has_faults());
  } else {
    shutdown();
  }
  closed_ = true;
  connection_->schedule(1 - side_, 0);
}

void End::reset(bool lose) {
  if (closed_) return;
  connection_->write_reset(side_, lose);
  closed_ = true;
}

Connection::Connection(Universe& universe, const CutPolicy& policy)
    : universe_(universe), policy_(policy) {
  for (u32 side = 0; side < 2; ++side) {
    ends_[side].connection_ = this;
    ends_[side].side_ = side;
  }
}

Nanos Connection::latency() {
  Dice& dice = universe_.dice;
  if (dice.roll(Die::network_slow)) return dice.between(kMillisecond / 10, 5 * kMillisecond);
  return dice.between(1, 30) * kMicrosecond;
}

void Connection::schedule(u32 from, Nanos delay) {
  Stream& stream = streams_[from];
  if (stream.delivery_pending) return;
  const bool something = !stream.wire.empty() || (stream.fin_written && !stream.fin_arrived) ||
                         (stream.reset_written && !stream.reset_arrived);
  if (!something) return;
  stream.delivery_pending = true;
  universe_.after(delay, *this, 0, from);
}

std::size_t Connection::piece(const Stream& stream, std::size_t limit) {
  Dice& dice = universe_.dice;
  std::size_t count = std::min(stream.wire.size(), limit);
  if (policy_.cut_at > stream.delivered && policy_.cut_at < stream.delivered + count) {
    count = policy_.cut_at - stream.delivered;
  }
  if (policy_.byte_by_byte) return std::min(count, small_piece(stream.wire.size()));
  if (dice.roll(Die::cut_tiny)) {
    return std::min<std::size_t>(count, small_piece(stream.wire.size()) + dice.below(3));
  }
  if (dice.roll(Die::cut_random)) return 1 + dice.below(count);
  return count;
}

void Connection::on_event(u32, u64 side) {
  streams_[side].delivery_pending = false;
  deliver(static_cast<u32>(side));
}

void Connection::deliver(u32 from) {
  Stream& stream = streams_[from];
  End& receiver = ends_[1 - from];
  End& sender = ends_[from];
  if (receiver.closed_) {
    // Nobody reads any more: bytes are answered with a reset, as a kernel does.
    const bool bytes = !stream.wire.empty();
    stream.wire.clear();
    stream.fin_arrived = stream.fin_written;
    stream.reset_arrived = stream.reset_written;
    if (bytes && !sender.closed_) write_reset(1 - from, universe_.dice.has_faults());
    return;
  }
  const bool had_bytes = !stream.wire.empty();
  if (had_bytes) {
    const std::size_t waiting = stream.arrived.size();
    if (waiting < policy_.window) {
      const std::size_t count = piece(stream, policy_.window - waiting);
      stream.arrived.append(stream.wire.view().substr(0, count));
      stream.wire.consume(count);
      stream.delivered += count;
    } else if (stream.reset_written) {
      stream.wire.clear();  // a reset waits for no room; what was to be sent before it is dropped
    } else {
      return;
    }
  }
  // The end of a stream comes with its last bytes or on its own.
  if (stream.wire.empty() && (!had_bytes || universe_.dice.chance(1, 2))) {
    stream.fin_arrived = stream.fin_written;
    stream.reset_arrived = stream.reset_written;
  }
  // A cut only counts when whoever reads has had time to see the first part alone.
  const Nanos gap = policy_.cut_at != 0 ? 60 * kMicrosecond : universe_.dice.between(0, 20) * 500;
  schedule(from, gap);
  if (receiver.owner != nullptr) receiver.owner->on_arrival(receiver);
  if (!sender.closed_ && sender.owner != nullptr) sender.owner->on_space(sender);
}

void Connection::write_reset(u32 from, bool lose) {
  Stream& out = streams_[from];
  Stream& in = streams_[1 - from];
  if (lose && !out.wire.empty()) {
    out.wire.truncate(universe_.dice.below(out.wire.size() + 1));
  }
  in.wire.clear();
  in.arrived.clear();
  out.reset_written = true;
  schedule(from, latency());
}

std::string Network::key(const Address& address) {
  return {reinterpret_cast<const char*>(&address.storage), address.length};
}

void Network::listen(const Address& address, Acceptor& acceptor) {
  acceptors_[key(address)].push_back(&acceptor);
}

void Network::unlisten(const Address& address, Acceptor& acceptor) {
  std::erase(acceptors_[key(address)], &acceptor);
}

bool Network::has_listener(const Address& address) const {
  const auto found = acceptors_.find(key(address));
  return found != acceptors_.end() && !found->second.empty();
}

Reach Network::reach(const Address& address) const {
  const auto found = reach_.find(key(address));
  return found == reach_.end() ? Reach::open : found->second;
}

End* Network::dial(const Address& address, EndOwner& owner, u32 tag) {
  if (reach(address) != Reach::open || !has_listener(address)) return nullptr;
  const std::vector<Acceptor*>& acceptors = acceptors_[key(address)];
  Connection& connection = pair();
  connection.end(0).owner = &owner;
  connection.end(0).tag = tag;
  acceptors[universe_.dice.below(acceptors.size())]->on_incoming(connection.end(1));
  return &connection.end(0);
}

u64 Network::longest_stream() const {
  u64 longest = 0;
  for (const Connection& connection : connections_) {
    longest = std::max({longest, connection.delivered(0), connection.delivered(1)});
  }
  return longest;
}

Address virtual_address(u8 host, u16 port) {
  Address address;
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  in.sin_addr.s_addr = htonl(0x0a000000u | host);
  std::memcpy(&address.storage, &in, sizeof in);
  address.length = sizeof in;
  return address;
}

}  // namespace ringfold::sim
