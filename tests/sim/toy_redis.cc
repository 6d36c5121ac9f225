#include "toy_redis.h"

#include <algorithm>

#include "toy_resp.h"

namespace ringfold::sim {

namespace {

enum Event : u32 { event_execute, event_revive };

constexpr u32 kSessionsOfOneServer = 1u << 20;

}  // namespace

ToyRedis::ToyRedis(Universe& universe, Network& network, const Address& address, Oracle& oracle,
                   const ToyRedisOptions& options)
    : universe_(universe),
      network_(network),
      address_(address),
      oracle_(oracle),
      options_(options) {
  network_.listen(address_, *this);
}

void ToyRedis::trace(const Session& session, const char* what, std::string_view bytes) {
  if (!universe_.tracing()) return;
  universe_.trace("server " + std::to_string(options_.index) + "." +
                      std::to_string(session.serial % kSessionsOfOneServer),
                  what, bytes);
}

void ToyRedis::on_incoming(End& end) {
  Session& session = sessions_.emplace_back();
  session.end = &end;
  session.serial = options_.index * kSessionsOfOneServer + static_cast<u32>(sessions_.size());
  end.owner = this;
  end.tag = static_cast<u32>(sessions_.size() - 1);
  trace(session, "is connected");
}

void ToyRedis::on_arrival(End& end) {
  Session& session = sessions_[end.tag];
  const std::size_t count = end.arrived().size();
  if (count > 0) {
    session.input.append(end.arrived());
    end.consume(count);
  }
  pump(session);
}

void ToyRedis::pump(Session& session) {
  while (!session.busy && !session.end->closed() && next_command(session)) {
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
  if (!session.end->closed() && !session.busy &&
      (session.end->finished() || session.end->broken())) {
    trace(session, "sees the end");
    session.end->close();
  }
}

bool ToyRedis::next_command(Session& session) {
  const std::string_view arrived = session.input.view();
  if (arrived.size() < session.need || arrived.empty()) return false;
  const toy::ScanResult result = toy::scan_command(arrived, session.current);
  session.need = result.status == toy::Scan::incomplete ? result.size : 0;
  if (result.status == toy::Scan::incomplete) return false;
  if (result.status == toy::Scan::broken) {
    universe_.fail("server " + std::to_string(options_.index) +
                   " was sent no command: " + printable(arrived));
    return false;
  }
  trace(session, "hears", arrived.substr(0, result.size));
  session.input.consume(result.size);
  return true;
}

// True when a fault ended the session (or the server) instead of executing the command.
bool ToyRedis::strike(Session& session) {
  Dice& dice = universe_.dice;
  if (dice.roll(Die::server_dies)) {
    die();
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
  return false;
}

void ToyRedis::die() {
  universe_.trace("server " + std::to_string(options_.index), "dies");
  for (Session& session : sessions_) {
    if (!session.end->closed()) session.end->reset(true);
  }
  network_.set_reach(address_, universe_.dice.chance(1, 3) ? Reach::silent : Reach::refusing);
  universe_.after(universe_.dice.between(1, 500) * kMillisecond, *this, event_revive);
}

void ToyRedis::recover() {
  ++generation_;
  network_.set_reach(address_, Reach::open);
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    if (sessions_[i].busy && !sessions_[i].end->closed()) {
      universe_.after(0, *this, event_execute, generation_ << 32 | i);
    }
  }
}

void ToyRedis::on_event(u32 kind, u64 argument) {
  if (kind == event_revive) {
    network_.set_reach(address_, Reach::open);
    return;
  }
  Session& session = sessions_[static_cast<u32>(argument)];
  if (argument >> 32 != generation_ || session.end->closed()) return;
  session.busy = false;
  execute(session);
  pump(session);
}

void ToyRedis::execute(Session& session) {
  const std::string name = lower(session.current[0]);
  Dice& dice = universe_.dice;
  std::string reply = handshake_reply(session, name);
  if (!reply.empty()) return say(session, std::move(reply));
  reply = request_reply(session, name);
  if (dice.roll(Die::server_resets_after)) {
    trace(session, "resets after executing");
    return session.end->reset(true);
  }
  if (dice.roll(Die::server_cuts_reply)) {
    trace(session, "ends inside a reply");
    session.end->write(std::string_view(reply).substr(0, dice.below(reply.size())));
    return dice.chance(1, 2) ? session.end->close() : session.end->reset(false);
  }
  // Sabotage begins where the product's responsibility does.
  const bool strikes = options_.sabotage != Sabotage::none && dice.chance(1, 10);
  switch (strikes ? options_.sabotage : Sabotage::none) {
    case Sabotage::swap:
      if (!session.held.empty() || session.input.empty()) break;
      session.held = std::move(reply);
      return;
    case Sabotage::twice:
      if (token_of(session.current) == 0) break;
      ++sabotaged_;
      request_reply(session, name);
      break;
    case Sabotage::corrupt:
      if (reply.size() > 6 && reply[0] == '$') {
        ++sabotaged_;
        reply[reply.size() - 3] = static_cast<char>(reply[reply.size() - 3] ^ 1);
      }
      break;
    case Sabotage::lose_reply:
      ++sabotaged_;
      return;
    case Sabotage::none:
      break;
  }
  say(session, std::move(reply));
}

void ToyRedis::say(Session& session, std::string reply) {
  trace(session, "says", reply);
  session.end->write(reply);
  if (session.held.empty()) return;
  if (session.held != reply) ++sabotaged_;
  trace(session, "says too late", session.held);
  session.end->write(session.held);
  session.held.clear();
}

// The reply to what the proxy says on its own account; empty for a client's request.
std::string ToyRedis::handshake_reply(Session& session, const std::string& name) {
  const std::vector<std::string>& arguments = session.current;
  if (name == "auth") {
    const bool right = !options_.password.empty() && arguments.back() == options_.password;
    session.authenticated = right && !options_.refuses_auth;
    if (session.authenticated) return toy::simple("OK");
    session.handshake_refused = true;
    return toy::error("WRONGPASS invalid username-password pair or user is disabled.");
  }
  if (!options_.password.empty() && !session.authenticated) {
    if (name != "select" && name != "ping") {
      universe_.fail("a request before AUTH: " + printable(toy::command(arguments)));
    }
    return toy::error("NOAUTH Authentication required.");
  }
  if (name == "select") {
    if (options_.refuses_select) {
      session.handshake_refused = true;
      return toy::error("ERR DB index is out of range");
    }
    session.database = static_cast<u32>(std::stoul(arguments.back()));
    return toy::simple("OK");
  }
  if (name == "ping") return toy::simple("PONG");
  return {};
}

std::string ToyRedis::request_reply(Session& session, const std::string& name) {
  const std::vector<std::string>& arguments = session.current;
  if (session.handshake_refused || session.database != options_.database) {
    universe_.fail("a request on a connection without its database: " +
                   printable(toy::command(arguments)));
  }
  const u32 token = token_of(arguments);
  std::string reply;
  if (name == "dbsize") {
    return toy::integer(oracle_.next_size(options_.index));
  } else if (name == "flushall" || name == "flushdb") {
    oracle_.on_flush();
    return toy::simple("OK");
  } else if (name == "script") {
    reply = store_.execute(session.database, arguments);
  } else if (options_.honest) {
    reply = honest_reply(session.database, name, arguments);
  } else {
    reply = made_up_reply(name, arguments.size() - 1, token);
  }
  oracle_.on_executed(token, {options_.index, session.serial, arguments, reply});
  return reply;
}

// Keys carry a token for the oracle; under it they are the same key.
std::string ToyRedis::honest_reply(u32 database, const std::string& name,
                                   std::vector<std::string> arguments) {
  const auto strip = [](std::string& key) { key.resize(std::min(key.size(), key.rfind('#'))); };
  const bool all = name == "mget" || name == "del" || name == "unlink" || name == "exists" ||
                   name == "touch" || name == "mset";
  const bool keyless = name == "keys" || name == "scan";
  if (!keyless && arguments.size() > 1) {
    const std::size_t step = name == "mset" ? 2 : 1;
    const std::size_t end = all ? arguments.size() : 2;
    for (std::size_t i = 1; i < end; i += step) strip(arguments[i]);
  }
  return store_.execute(database, arguments);
}

std::string ToyRedis::made_up_value(u32 token) {
  Dice& dice = universe_.dice;
  if (dice.chance(1, 10)) return toy::null_bulk();
  std::string value("v");
  value.append(std::to_string(options_.index)).append(".");
  value.append(std::to_string(dice.below(1000))).append("#").append(std::to_string(token));
  std::size_t filler = dice.below(24);
  if (dice.chance(1, 30)) filler = dice.below(6000);
  if (options_.big_replies && dice.chance(1, 10)) filler = 50'000 + dice.below(100'000);
  for (std::size_t i = 0; i < filler; ++i) value += static_cast<char>('\r' - 5 + i % 11);
  return toy::bulk(value);
}

std::string ToyRedis::made_up_nested(u32 token, u32 depth) {
  Dice& dice = universe_.dice;
  std::vector<std::string> list;
  for (u64 i = dice.below(4); i > 0; --i) {
    if (depth > 0 && dice.chance(1, 3)) {
      list.push_back(made_up_nested(token, depth - 1));
    } else {
      list.push_back(dice.chance(1, 3) ? toy::integer(-static_cast<i64>(dice.below(1u << 30)))
                                       : made_up_value(token));
    }
  }
  if (list.empty() && dice.chance(1, 2)) return "*-1\r\n";
  return toy::array(list);
}

std::string ToyRedis::made_up_reply(const std::string& name, std::size_t keys, u32 token) {
  Dice& dice = universe_.dice;
  const std::string mark = std::to_string(options_.index) + "#" + std::to_string(token);
  if (dice.chance(1, 25)) return toy::error("ERR toy " + mark);
  if (name == "mget") {
    std::vector<std::string> list;
    for (std::size_t i = 0; i < keys; ++i) list.push_back(made_up_value(token));
    return toy::array(list);
  }
  if (name == "mset") return toy::simple("OK");
  if (name == "del" || name == "unlink" || name == "exists" || name == "touch") {
    return toy::integer(static_cast<i64>(dice.below(1u << 30)));
  }
  if (name == "keys") {
    std::vector<std::string> list;
    for (u64 i = dice.below(4); i > 0; --i) list.push_back(made_up_value(token));
    return toy::array(list);
  }
  if (name == "scan") {
    return toy::array({toy::bulk(std::to_string(dice.below(1u << 20))),
                       toy::array({made_up_value(token), made_up_value(token)})});
  }
  switch (dice.below(6)) {
    case 0:
      return toy::simple("OK " + mark);
    case 1:
      return toy::integer(dice.between(-(1 << 30), 1 << 30));
    case 2:
      return made_up_nested(token, 3);
    default:
      return made_up_value(token);
  }
}

u32 ToyRedis::open_sessions() const {
  return static_cast<u32>(
      std::count_if(sessions_.begin(), sessions_.end(),
                    [](const Session& session) { return !session.end->closed(); }));
}

}  // namespace ringfold::sim
