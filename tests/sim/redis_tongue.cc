#include "redis_tongue.h"

#include "toy_store.h"

namespace ringfold::sim {

namespace {

class Maker : private CommandMaker {
 public:
  Maker(RedisOracle& oracle, Dice& dice, const CommandTraits& traits, u32 client)
      : CommandMaker(oracle, dice, traits, client), oracle_(oracle) {}

  RandomCommand by_key();
  RandomCommand several_keys();
  RandomCommand cross_key();
  RandomCommand all_servers();
  RandomCommand local();
  RandomCommand finish(CommandKind kind, std::vector<std::string> arguments,
                       std::string expected = {});

 private:
  std::string key() { return own_key(); }

  RedisOracle& oracle_;
};

constexpr CommandChoice<Maker> kCommands[] = {
    {11, &Maker::by_key},     {5, &Maker::several_keys}, {1, &Maker::cross_key},
    {1, &Maker::all_servers}, {2, &Maker::local},
};

// Any case of letters, array form, and now and then inline where that says the same.
RandomCommand Maker::finish(CommandKind kind, std::vector<std::string> arguments,
                            std::string expected) {
  RandomCommand command;
  command.token = token_;
  if (dice_.chance(1, 6)) {
    for (char& byte : arguments[0]) {
      if (byte >= 'a' && byte <= 'z' && dice_.chance(1, 2)) byte = static_cast<char>(byte - 32);
    }
  }
  bool plain = dice_.chance(1, 12);
  for (const std::string& argument : arguments) {
    if (argument.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789{}[]#*") !=
            std::string::npos ||
        argument.empty()) {
      plain = false;
    }
  }
  if (plain) {
    for (const std::string& argument : arguments) command.bytes += argument + " ";
    command.bytes.back() = '\r';
    if (dice_.chance(1, 3)) command.bytes.pop_back();
    command.bytes += '\n';
  } else {
    command.bytes = toy::command(arguments);
  }
  Issued& issued = oracle_.issued(token_);
  issued.kind = kind;
  issued.arguments = std::move(arguments);
  issued.expected = std::move(expected);
  return command;
}

RandomCommand Maker::by_key() {
  switch (dice_.below(10)) {
    case 0:
    case 1:
    case 2:
      return finish(CommandKind::by_key, {"get", key()});
    case 3:
    case 4:
    case 5:
      return finish(CommandKind::by_key, {"set", key(), value()});
    case 6:
      return finish(CommandKind::by_key, {"append", key(), value()});
    case 7:
      return finish(CommandKind::by_key, {"incr", key()});
    case 8:
      return finish(CommandKind::by_key, {"hset", key(), "field", value()});
    default:
      return finish(CommandKind::by_key, {"lrange", key(), "0", "-1"});
  }
}

RandomCommand Maker::several_keys() {
  const u64 count = 1 + dice_.below(dice_.chance(1, 4) ? traits_.keys_max : 4);
  std::vector<std::string> arguments;
  if (dice_.chance(1, 4)) {
    arguments.push_back("mset");
    for (u64 i = 0; i < count; ++i) {
      arguments.push_back(key());
      arguments.push_back(value());
    }
    return finish(CommandKind::all_ok, std::move(arguments));
  }
  constexpr const char* kSums[] = {"del", "exists", "unlink", "touch"};
  const bool get = dice_.chance(1, 2);
  arguments.push_back(get ? "mget" : kSums[dice_.below(4)]);
  for (u64 i = 0; i < count; ++i) arguments.push_back(key());
  return finish(get ? CommandKind::array_by_key : CommandKind::sum, std::move(arguments));
}

RandomCommand Maker::cross_key() {
  const std::string first = key();
  const std::string second = dice_.chance(1, 2) ? first : key();
  return finish(CommandKind::cross_key, {"rename", first, second});
}

RandomCommand Maker::all_servers() {
  switch (dice_.below(6)) {
    case 0:
      return finish(CommandKind::dbsize, {"dbsize"});
    case 1:
      return finish(CommandKind::flush, {"flushall"});
    case 2:
      return finish(CommandKind::keys, {"keys", "*" + mark_});
    case 3: {
      const std::string script = "return " + mark_;
      return finish(CommandKind::from_all, {"script", "load", script},
                    toy::bulk(script_name(script)));
    }
    case 4:
      return finish(CommandKind::from_all, {"script", "exists", "none" + mark_},
                    toy::array({toy::integer(0)}));
    default:
      return finish(CommandKind::scan, {"scan", "0", "match", "*" + mark_});
  }
}

RandomCommand Maker::local() {
  switch (dice_.below(8)) {
    case 0:
      return finish(CommandKind::exact, {"ping"}, toy::simple("PONG"));
    case 1: {
      const std::string text = value();
      return finish(CommandKind::exact, {"ping", text}, toy::bulk(text));
    }
    case 2: {
      const std::string text = value();
      return finish(CommandKind::exact, {"echo", text}, toy::bulk(text));
    }
    case 3:
      return finish(CommandKind::exact, {"select", std::to_string(traits_.database)},
                    toy::simple("OK"));
    case 4:
      return finish(CommandKind::any_error, {"nosuchcommand", key()});
    case 5:
      return finish(CommandKind::any_error, {"get", key(), key()});
    case 6:
      return finish(CommandKind::refused, {"multi"});
    default:
      return finish(CommandKind::refused, {"blpop", key(), "0"});
  }
}

}  // namespace

RandomCommand RedisTongue::command(u32 client) {
  Maker maker(oracle_, dice_, traits_, client);
  return make_one_of(kCommands, dice_, maker);
}

RandomCommand RedisTongue::probe(u32 client) {
  return Maker(oracle_, dice_, traits_, client).by_key();
}

RandomCommand RedisTongue::exact(u32 client, std::vector<std::string> arguments,
                                 std::string expected) {
  RandomCommand command;
  command.token = oracle_.issue(CommandKind::exact, client);
  command.bytes = toy::command(arguments);
  oracle_.issued(command.token).arguments = std::move(arguments);
  oracle_.issued(command.token).expected = std::move(expected);
  return command;
}

RandomCommand RedisTongue::barrier(u32 client) {
  return exact(client, {"ping"}, toy::simple("PONG"));
}

RandomCommand RedisTongue::early(u32 client) {
  const RandomCommand command = exact(client, {"get", "early"}, {});
  oracle_.issued(command.token).kind = CommandKind::no_auth;
  return command;
}

RandomCommand RedisTongue::login(u32 client, const std::string& password) {
  return exact(client, {"auth", password}, toy::simple("OK"));
}

RandomCommand RedisTongue::last_word(u32 client, bool rude) {
  if (!rude) return exact(client, {"quit"}, toy::simple("OK"));
  constexpr const char* kRubbish[] = {"*1\r\n$-7\r\nx", "*zwei\r\n", "*1\r\n:1\r\n", "\"open\r\n",
                                      "*2\r\n$3\r\nget\r\n$99999999999999999999\r\n"};
  RandomCommand rubbish;
  rubbish.token = oracle_.issue(CommandKind::any_error, client);
  rubbish.bytes = kRubbish[dice_.below(5)];
  oracle_.issued(rubbish.token).arguments = {rubbish.bytes};
  return rubbish;
}

}  // namespace ringfold::sim
