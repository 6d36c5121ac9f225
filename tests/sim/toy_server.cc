#include "toy_server.h"

#include <algorithm>

#include "oracle.h"

namespace ringfold::sim {

namespace {

enum Event : u32 { event_execute, event_revive, event_thaw, event_reset };

constexpr u32 kSessionsOfOneServer = 16 * kSessionsOfOneAddress;

}  // namespace

ToyServer::ToyServer(Universe& universe, Network& network, const Address& address,
                     const ToyServerOptions& options)
    : universe_(universe), options_(options), network_(network), address_(address) {
  network_.listen(address_, *this);
}

void ToyServer::trace(const Session& session, const char* what, std::string_view bytes) {
  if (!universe_.tracing()) return;
  universe_.trace("server " + std::to_string(options_.index) + "." +
                      std::to_string(session.serial % kSessionsOfOneServer),
                  what, bytes);
}

void ToyServer::on_incoming(End& end) {
  Session& session = sessions_.emplace_back();
  session.end = &end;
  session.serial = options_.index * kSessionsOfOneServer +
                   static_cast<u32>(place_) * kSessionsOfOneAddress +
                   static_cast<u32>(sessions_.size());
  end.owner = this;
  end.tag = static_cast<u32>(sessions_.size() - 1);
  trace(session, "is connected");
  if (place_ != 0) universe_.sights.see(Sight::moved_used);
}

void ToyServer::on_arrival(End& end) {
  Session& session = sessions_[end.tag];
  if (frozen_ || (session.stale && down_)) return;
  if (session.stale) return drop_stale(session);
  const std::size_t count = end.arrived().size();
  if (count > 0) {
    session.input.append(end.arrived());
    end.consume(count);
  }
  pump(session);
}

void ToyServer::pump(Session& session) {
  while (!frozen_ && !session.stale && !session.busy && !session.end->closed() &&
         next_command(session)) {
    if (strike(session)) return;
    Dice& dice = universe_.dice;
    Nanos delay = 0;
    if (dice.chance(1, 4)) delay = dice.between(0, 100) * kMicrosecond;
    if (dice.roll(Die::server_stalls)) delay = dice.between(1, 1500) * kMillisecond;
    if (delay == 0) {
      execute(session);
      continue;
    }
    if (delay >= kMillisecond) trace(session, "stalls");
    session.busy = true;
    universe_.after(delay, *this, event_execute, generation_ << 32 | session.end->tag);
  }
  if (frozen_ || session.stale) return;
  if (!session.end->closed() && !session.busy &&
      (session.end->finished() || session.end->broken())) {
    trace(session, "sees the end");
    session.end->close();
  }
}

bool ToyServer::next_command(Session& session) {
  const std::string_view arrived = session.input.view();
  if (arrived.size() < session.need || arrived.empty()) return false;
  std::size_t size = 0;
  const Take take = take_command(session, size);
  session.need = take == Take::incomplete ? size : 0;
  if (take == Take::incomplete) return false;
  if (take == Take::broken) {
    wrong("was sent no command: " + printable(arrived));
    return false;
  }
  trace(session, "hears", arrived.substr(0, size));
  session.input.consume(size);
  return true;
}

// True when a fault ended the session, or the server's attention, instead of executing the command.
bool ToyServer::strike(Session& session) {
  Dice& dice = universe_.dice;
  if (dice.roll(Die::server_dies)) {
    die();
    return true;
  }
  if (dice.roll(Die::server_vanishes)) {
    vanish();
    return true;
  }
  if (dice.roll(Die::server_resets_before)) {
    trace(session, "resets");
    session.end->reset(true);
    return true;
  }
  if (dice.roll(Die::server_closes)) {
    trace(session, "closes");
    session.end->close();
    return true;
  }
  if (move_listener_ != nullptr && dice.roll(Die::server_moves)) {
    move();
    return session.end->closed() || session.stale;
  }
  if (!frozen_ && dice.roll(Die::server_freezes)) {
    freeze();
    session.busy = true;
    session.due = true;
    return true;
  }
  return false;
}

void ToyServer::go_down(Reach reach) {
  down_ = true;
  set_reach(reach);
  universe_.after(universe_.dice.between(1, 500) * kMillisecond, *this, event_revive, ++outage_);
}

void ToyServer::die() {
  note("dies");
  for (Session& session : sessions_) {
    if (!session.end->closed()) session.end->reset(true);
  }
  go_down(universe_.dice.chance(1, 3) ? Reach::silent : Reach::refusing);
}

void ToyServer::vanish() {
  note("vanishes");
  for (Session& session : sessions_) session.stale = true;
  go_down(Reach::silent);
}

void ToyServer::freeze() {
  note("freezes");
  frozen_ = true;
  universe_.after(universe_.dice.between(1, 1500) * kMillisecond, *this, event_thaw);
}

// In peace, with its connections; or because it died, and then the old address says nothing or
// refuses.
void ToyServer::move() {
  Dice& dice = universe_.dice;
  const bool in_peace = dice.chance(1, 2);
  network_.unlisten(address_, *this);
  if (!in_peace) {
    const bool silent = dice.chance(1, 2);
    for (Session& session : sessions_) {
      if (silent) session.stale = true;
      if (!silent && !session.end->closed()) session.end->reset(true);
    }
    set_reach(silent ? Reach::silent : Reach::refusing);
  }
  if (++place_ == addresses_.size()) place_ = 0;
  address_ = addresses_[place_];
  note("moves to its place " + std::to_string(place_));
  set_reach(down_ ? Reach::refusing : Reach::open);
  network_.listen(address_, *this);
  move_listener_->on_moved(options_.index, address_);
}

void ToyServer::let_move(MoveListener& listener, std::vector<Address> addresses) {
  move_listener_ = &listener;
  addresses_ = std::move(addresses);
}

// It knows nothing of a connection from before it vanished: its kernel answers bytes with a reset.
void ToyServer::drop_stale(Session& session) {
  if (session.end->closed()) return;
  trace(session, "does not know it any more");
  session.end->reset(true);
}

void ToyServer::come_back() {
  if (!down_) return;
  note("comes back");
  down_ = false;
  set_reach(Reach::open);
  forget();
  universe_.sights.see(Sight::restart);
  Dice& dice = universe_.dice;
  if (options_.may_load && dice.has_faults() && dice.chance(2, 3)) {
    loading_until_ = universe_.now() + dice.between(1, 600) * kMillisecond;
  }
  // What waits to be taken is sent again, sooner or later.
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    Session& session = sessions_[i];
    const bool waits = !session.end->arrived().empty() || session.end->finished();
    if (!session.stale || session.end->closed() || !waits) continue;
    universe_.after(dice.between(0, 200) * kMillisecond, *this, event_reset, i);
  }
}

void ToyServer::thaw() {
  if (!frozen_) return;
  note("thaws");
  frozen_ = false;
  universe_.sights.see(Sight::thaw);
  for (std::size_t i = 0; i < sessions_.size() && !frozen_; ++i) {
    Session& session = sessions_[i];
    if (session.end->closed() || session.stale) continue;
    if (session.due) {
      session.due = false;
      session.busy = false;
      execute(session);
    }
    if (!session.end->closed() && !session.stale) on_arrival(*session.end);
  }
}

void ToyServer::recover() {
  ++generation_;
  come_back();
  thaw();
  loading_until_ = 0;
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    Session& session = sessions_[i];
    if (session.end->closed()) continue;
    if (session.stale) {
      drop_stale(session);
    } else if (session.busy) {
      universe_.after(0, *this, event_execute, generation_ << 32 | i);
    }
  }
}

void ToyServer::on_event(u32 kind, u64 argument) {
  if (kind == event_revive) {
    if (argument == outage_) come_back();
    return;
  }
  if (kind == event_thaw) {
    thaw();
    return;
  }
  Session& session = sessions_[static_cast<u32>(argument)];
  if (kind == event_reset) {
    if (!down_) drop_stale(session);
    return;
  }
  const bool is_over = session.end->closed() || session.stale || !session.busy;
  if (argument >> 32 != generation_ || is_over) return;
  if (frozen_) {
    session.due = true;
    return;
  }
  session.busy = false;
  execute(session);
  pump(session);
}

void ToyServer::execute(Session& session) {
  Dice& dice = universe_.dice;
  std::string reply;
  if (greet(session, reply)) return say(session, std::move(reply));
  const u32 place = session.serial % kSessionsOfOneServer / kSessionsOfOneAddress;
  if (is_present_address_expected_ && place != place_) {
    return wrong("is asked at an address that it has left");
  }
  reply = answer(session);
  if (is_loading()) universe_.sights.see(Sight::loading);
  if (dice.roll(Die::server_resets_after)) {
    trace(session, "resets after executing");
    return session.end->reset(true);
  }
  if (!reply.empty() && dice.roll(Die::server_cuts_reply)) {
    trace(session, "ends inside a reply");
    session.end->write(std::string_view(reply).substr(0, dice.below(reply.size())));
    return dice.chance(1, 2) ? session.end->close() : session.end->reset(false);
  }
  // Sabotage begins where the product's responsibility does.
  const bool strikes = options_.sabotage != Sabotage::none && dice.chance(1, 10);
  if (strikes && may_strike(session) && sabotage(session, reply)) return;
  say(session, std::move(reply));
}

// True when the reply is not to be said now.
bool ToyServer::sabotage(Session& session, std::string& reply) {
  switch (options_.sabotage) {
    case Sabotage::none:
      return false;
    case Sabotage::swap:
      if (!session.held.empty() || session.input.empty()) return false;
      session.held = std::move(reply);
      session.held_is_seen = is_seen(session);
      return true;
    case Sabotage::twice:
      if (token(session) == 0) return false;
      ++sabotaged_;
      answer(session);
      return false;
    case Sabotage::corrupt:
      if (const std::size_t end = value_end(reply); end != std::string::npos && is_seen(session)) {
        ++sabotaged_;
        reply[end - 1] = static_cast<char>(reply[end - 1] ^ 1);
      }
      return false;
    case Sabotage::lose_reply:
      ++sabotaged_;
      return true;
  }
  return false;
}

void ToyServer::say(Session& session, std::string reply) {
  trace(session, "says", reply);
  session.end->write(reply);
  if (session.held.empty()) return;
  // What no client sees of either answer may change places unnoticed.
  if (session.held != reply && (session.held_is_seen || is_seen(session))) ++sabotaged_;
  trace(session, "says too late", session.held);
  session.end->write(session.held);
  session.held.clear();
}

void ToyServer::wrong(const std::string& what) {
  universe_.fail("server " + std::to_string(options_.index) + " " + what);
}

std::string ToyServer::filler() {
  Dice& dice = universe_.dice;
  std::size_t size = dice.below(24);
  if (dice.chance(1, 30)) size = dice.below(6000);
  if (options_.big_replies && dice.chance(1, 10)) size = 50'000 + dice.below(100'000);
  std::string text;
  text.reserve(size);
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('\r' - 5 + i % 11);
  return text;
}

u32 ToyServer::open_sessions() const {
  return static_cast<u32>(
      std::count_if(sessions_.begin(), sessions_.end(),
                    [](const Session& session) { return !session.end->closed(); }));
}

}  // namespace ringfold::sim
