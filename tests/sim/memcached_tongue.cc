#include "memcached_tongue.h"

#include "toy_memcached_wire.h"

namespace ringfold::sim {

namespace {

using Words = std::vector<std::string>;

constexpr u64 kSharedKeys = 5;

// What is asked for is a command for one server, and others share the connection to it.
constexpr const char* kForOneServer =
    "CLIENT_ERROR ringfold: this command is for one server alone, connect to it directly\r\n";
constexpr const char* kBadLine = "CLIENT_ERROR bad command line format\r\n";

class Maker : private CommandMaker {
 public:
  Maker(MemcachedOracle& oracle, Dice& dice, const CommandTraits& traits, u32 client)
      : CommandMaker(oracle, dice, traits, client), oracle_(oracle) {
    oracle.issued(token_).moment = oracle.moment();
  }

  RandomCommand single_get();
  RandomCommand several_keys();
  RandomCommand storage();
  RandomCommand other_classic();
  RandomCommand meta();
  RandomCommand all_servers();
  RandomCommand local();
  // An answer of the proxy's own, to the bytes of this line.
  RandomCommand exact(Words words, std::string expected);

 private:
  std::string shared_key();
  std::string key() { return dice_.chance(1, 4) ? shared_key() : own_key(); }
  Words meta_flags(const std::string& name);
  RandomCommand values(Words words);
  RandomCommand classic(CommandKind kind, Words words, bool has_data);
  RandomCommand finish(CommandKind kind, Hush hush, Words words, const Words& extra,
                       std::string data, bool has_data);
  std::string line(const Words& words);

  MemcachedOracle& oracle_;
};

constexpr CommandChoice<Maker> kCommands[] = {
    {5, &Maker::single_get},    {5, &Maker::several_keys}, {3, &Maker::storage},
    {2, &Maker::other_classic}, {5, &Maker::meta},         {1, &Maker::all_servers},
    {3, &Maker::local},
};

std::string Maker::shared_key() {
  const u64 number = traits_.distinct_keys ? keys_++ : dice_.below(kSharedKeys);
  return tagged(std::string("s").append(std::to_string(number)));
}

// The words as a client may write them: several spaces, a line end without CR.
std::string Maker::line(const Words& words) {
  std::string text = toy::memcached_command(words);
  if (!dice_.chance(1, 12)) return text;
  text.clear();
  for (const std::string& word : words) {
    text.append(dice_.below(3) + (text.empty() ? 0 : 1), ' ').append(word);
  }
  text.append(dice_.below(3), ' ');
  return text + (dice_.chance(1, 2) ? "\r\n" : "\n");
}

// extra: words of the client's that no server has to hear.
RandomCommand Maker::finish(CommandKind kind, Hush hush, Words words, const Words& extra,
                            std::string data, bool has_data) {
  Words spoken = words;
  for (const std::string& word : extra) {
    // The flag q stands anywhere among the others, noreply at the end.
    const std::size_t flags = words[0] == "ms" ? 3 : 2;
    const bool is_flag = word[0] == 'q';
    const std::size_t at = is_flag ? flags + dice_.below(spoken.size() - flags + 1) : spoken.size();
    spoken.insert(spoken.begin() + static_cast<std::ptrdiff_t>(at), word);
  }
  RandomCommand command;
  command.token = token_;
  command.may_be_silent = hush != Hush::none;
  command.bytes = line(spoken);
  if (has_data) command.bytes.append(data).append("\r\n");
  if (has_data && !data.empty()) words.push_back(std::move(data));
  Issued& issued = oracle_.issued(token_);
  issued.kind = kind;
  issued.hush = hush;
  issued.size = command.bytes.size();
  issued.arguments = std::move(words);
  return command;
}

RandomCommand Maker::classic(CommandKind kind, Words words, bool has_data) {
  const bool is_quiet = dice_.chance(1, 4);
  Words extra;
  if (words[0] == "delete" && dice_.chance(1, 5)) extra.push_back("0");
  if (is_quiet) extra.push_back("noreply");
  return finish(kind, is_quiet ? Hush::everything : Hush::none, std::move(words), extra,
                has_data ? value() : std::string(), has_data);
}

RandomCommand Maker::exact(Words words, std::string expected) {
  const RandomCommand command =
      finish(CommandKind::exact, Hush::none, std::move(words), {}, {}, false);
  oracle_.issued(token_).expected = std::move(expected);
  return command;
}

RandomCommand Maker::values(Words words) {
  return finish(CommandKind::values, Hush::none, std::move(words), {}, {}, false);
}

RandomCommand Maker::single_get() {
  return values({dice_.chance(1, 4) ? "gets" : "get", key()});
}

RandomCommand Maker::several_keys() {
  const u64 count = 1 + dice_.below(dice_.chance(1, 4) ? traits_.keys_max : 4);
  Words words;
  switch (dice_.below(8)) {
    case 0:
      words = {"gat", std::to_string(dice_.below(1000))};
      break;
    case 1:
      words = {"gats", std::to_string(dice_.below(1000))};
      break;
    case 2:
      words = {"gets"};
      break;
    default:
      words = {"get"};
  }
  for (u64 i = 0; i < count; ++i) words.push_back(key());
  return values(std::move(words));
}

RandomCommand Maker::storage() {
  constexpr const char* kNames[] = {"set",     "set",    "set",     "add",
                                    "replace", "append", "prepend", "cas"};
  Words words = {kNames[dice_.below(8)], key(), std::to_string(dice_.below(u64{1} << 32)),
                 std::to_string(dice_.between(-1, 1000)), ""};
  if (words[0] == "cas") words.push_back(std::to_string(dice_.below(30)));
  const bool is_quiet = dice_.chance(1, 4);
  std::string data = value();
  words[4] = std::to_string(data.size());
  return finish(CommandKind::by_key, is_quiet ? Hush::everything : Hush::none, std::move(words),
                is_quiet ? Words{"noreply"} : Words{}, std::move(data), true);
}

RandomCommand Maker::other_classic() {
  switch (dice_.below(4)) {
    case 0:
      return classic(CommandKind::by_key, {"incr", own_key(), std::to_string(dice_.number())},
                     false);
    case 1:
      return classic(CommandKind::by_key, {"decr", own_key(), "3"}, false);
    case 2:
      return classic(CommandKind::by_key, {"touch", own_key(), "100"}, false);
    default:
      return classic(CommandKind::by_key, {"delete", own_key()}, false);
  }
}

Words Maker::meta_flags(const std::string& name) {
  Words possible;
  if (name == "mg") possible = {"v", "f", "s", "c", "t", "T30", "N20"};
  if (name == "ms") possible = {"c", "T60", "F17", "C3", "MA", "I"};
  if (name == "md") possible = {"C4", "I", "T5"};
  if (name == "ma") possible = {"v", "t", "c", "N0", "J7", "D5", "MD", "T9"};
  possible.push_back("k");
  Words flags;
  for (const std::string& flag : possible) {
    if (dice_.chance(1, 2)) flags.push_back(flag);
  }
  return flags;
}

RandomCommand Maker::meta() {
  constexpr const char* kNames[] = {"mg", "mg", "mg", "ms", "ms", "md", "ma", "me"};
  const std::string name = kNames[dice_.below(8)];
  const bool is_debug = name == "me";
  const bool is_shared = !is_debug && dice_.chance(1, 3);
  std::string meant = is_shared ? shared_key() : own_key();
  const bool is_base64 = dice_.chance(1, 3);
  if (is_base64 && dice_.chance(1, 3)) meant.insert(0, 1, static_cast<char>(dice_.below(10)));
  Words words = {name, is_base64 ? toy::encode_base64(meant) : meant};
  std::string data = name == "ms" ? value() : std::string();
  if (name == "ms") words.push_back(std::to_string(data.size()));
  Words flags = is_debug ? Words{} : meta_flags(name);
  if (is_base64) flags.push_back("b");
  if (is_shared || (!is_debug && dice_.chance(1, 2)))
    flags.push_back(std::string("O").append(mark_, 1));
  for (std::size_t i = flags.size(); i > 1; --i) std::swap(flags[i - 1], flags[dice_.below(i)]);
  words.insert(words.end(), flags.begin(), flags.end());
  const bool is_quiet = !is_debug && dice_.chance(1, 3);
  const Hush hush = !is_quiet ? Hush::none : name == "mg" ? Hush::misses : Hush::successes;
  return finish(CommandKind::by_key, hush, std::move(words), is_quiet ? Words{"q"} : Words{},
                std::move(data), name == "ms");
}

RandomCommand Maker::all_servers() {
  switch (dice_.below(5)) {
    case 0:
      return classic(CommandKind::flush, {"flush_all"}, false);
    case 1:
    case 2: {
      const char* name = dice_.chance(1, 2) ? "flush_all" : "verbosity";
      const RandomCommand command = classic(CommandKind::from_all, {name, mark_.substr(1)}, false);
      oracle_.issued(token_).expected = "OK\r\n";
      return command;
    }
    case 3:
      return finish(CommandKind::stats, Hush::none, {"stats", "items"}, {}, {}, false);
    default:
      return finish(CommandKind::stats, Hush::none, {"stats"}, {}, {}, false);
  }
}

RandomCommand Maker::local() {
  switch (dice_.below(9)) {
    case 0:
    case 1:
      return exact({"mn"}, "MN\r\n");
    case 2:
      return exact({"version"}, "VERSION 1.6.18\r\n");
    case 3:
      return exact({"nosuchcommand", own_key()}, "ERROR\r\n");
    case 4:
      return exact({"incr", own_key()}, "ERROR\r\n");
    case 5:
      return exact({"get", own_key(), std::string(251, 'k')}, kBadLine);
    case 6:
      return exact({"get", own_key() + "\x01"}, kBadLine);
    case 7:
      return exact({"lru_crawler", "enable"}, kForOneServer);
    default: {
      // What is wrong with a noreply is not said.
      RandomCommand command = exact({"incr", own_key(), "many", "noreply"}, "");
      oracle_.issued(token_).hush = Hush::everything;
      command.may_be_silent = true;
      return command;
    }
  }
}

}  // namespace

RandomCommand MemcachedTongue::command(u32 client) {
  Maker maker(oracle_, dice_, traits_, client);
  return make_one_of(kCommands, dice_, maker);
}

RandomCommand MemcachedTongue::probe(u32 client) {
  return Maker(oracle_, dice_, traits_, client).single_get();
}

RandomCommand MemcachedTongue::barrier(u32 client) {
  return Maker(oracle_, dice_, traits_, client).exact({"mn"}, "MN\r\n");
}

RandomCommand MemcachedTongue::last_word(u32 client, bool rude) {
  RandomCommand word;
  if (!rude) {
    word.bytes = "quit\r\n";
    return word;
  }
  word.token = oracle_.issue(CommandKind::any_error, client);
  const bool is_binary = dice_.chance(1, 2);
  word.bytes = is_binary ? std::string("\x80\x00\x00\x01 get", 8) : std::string(2100, 'x');
  oracle_.issued(word.token).arguments = {word.bytes};
  oracle_.issued(word.token).size = word.bytes.size();
  return word;
}

toy::ScanResult MemcachedTongue::scan_reply(std::string_view in) const {
  return toy::scan_memcached_reply(in);
}

}  // namespace ringfold::sim
