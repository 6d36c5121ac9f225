#include "toy_redis.h"

#include <algorithm>

#include "toy_resp.h"

namespace ringfold::sim {

namespace {

constexpr const char* kLoading = "LOADING Redis is loading the dataset in memory";

}  // namespace

ToyServer::Take ToyRedis::take_command(Session& session, std::size_t& size) {
  const toy::ScanResult result = toy::scan_command(session.input.view(), session.words);
  size = result.size;
  if (result.status == toy::Scan::broken) return Take::broken;
  return result.status == toy::Scan::incomplete ? Take::incomplete : Take::complete;
}

bool ToyRedis::greet(Session& session, std::string& reply) {
  reply = handshake_reply(session);
  return !reply.empty();
}

u32 ToyRedis::token(const Session& session) const {
  return token_of(session.words);
}

// Of a command that was split the client may see the error of another part.
bool ToyRedis::is_seen(const Session& session) const {
  const u32 number = token(session);
  return number != 0 && oracle_.issued(number).kind == CommandKind::by_key;
}

std::size_t ToyRedis::value_end(std::string_view reply) const {
  return reply.size() > 6 && reply[0] == '$' ? reply.size() - 2 : std::string_view::npos;
}

// The reply to what the proxy says on its own account; empty for a client's request.
std::string ToyRedis::handshake_reply(Session& session) {
  const std::vector<std::string>& arguments = session.words;
  const std::string name = lower(arguments[0]);
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
  // Redis takes AUTH and SELECT while it is loading, and nothing else.
  if (name == "ping") return is_loading() ? toy::error(kLoading) : toy::simple("PONG");
  return {};
}

std::string ToyRedis::answer(Session& session) {
  const std::vector<std::string>& arguments = session.words;
  const std::string name = lower(arguments[0]);
  if (session.handshake_refused || session.database != options_.database) {
    universe_.fail("a request on a connection without its database: " +
                   printable(toy::command(arguments)));
  }
  const u32 token = token_of(arguments);
  std::string reply;
  if (is_loading()) {
    reply = toy::error(kLoading);
    if (name == "dbsize" || name == "flushall" || name == "flushdb") {
      oracle_.on_loading(reply);
      return reply;
    }
  } else if (name == "dbsize") {
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
  oracle_.check_keys_home(token, arguments, options_.index);
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
  return toy::bulk(value + filler());
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

}  // namespace ringfold::sim
