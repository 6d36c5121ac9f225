#include "toy_memcached.h"

#include <algorithm>
#include <map>

#include "toy_memcached_wire.h"

namespace ringfold::sim {

namespace {

bool is_meta(const std::string& name) {
  return name == "mg" || name == "ms" || name == "md" || name == "ma" || name == "me";
}

bool is_for_all(const std::string& name) {
  return name == "flush_all" || name == "verbosity" || name == "stats";
}

bool is_known(const std::string& name) {
  for (const char* known :
       {"set", "add", "replace", "append", "prepend", "cas", "incr", "decr", "delete", "touch"}) {
    if (name == known) return true;
  }
  return is_meta(name) || is_for_all(name) || first_key_of_values(name) != 0;
}

MetaFlags flags_of(const std::vector<std::string>& words) {
  return {words, words[0] == "ms" ? 3u : 2u};
}

std::string key_of(const std::vector<std::string>& words) {
  if (words.size() < 2 || is_for_all(words[0])) return {};
  return is_meta(words[0]) ? flags_of(words).key() : words[1];
}

}  // namespace

ToyServer::Take ToyMemcached::take_command(Session& session, std::size_t& size) {
  const std::string_view in = session.input.view();
  std::string why;
  const toy::ScanResult result = toy::scan_memcached_command(in, session.words, session.data, why);
  size = result.size;
  if (result.status == toy::Scan::broken) {
    wrong("was sent " + why + ": " + printable(in));
    return Take::broken;
  }
  return result.status == toy::Scan::incomplete ? Take::incomplete : Take::complete;
}

// What a proxy may say to find out whether the server is there.
bool ToyMemcached::greet(Session& session, std::string& reply) {
  const std::string& name = session.words[0];
  if (name != "version" && name != "mn") return false;
  reply = store_.execute(session.words, {});
  return true;
}

// It stands in the opaque, in the key, in the data, or is the number of a command without these.
u32 ToyMemcached::token(const Session& session) const {
  const std::vector<std::string>& words = session.words;
  const std::string& name = words[0];
  if (name == "flush_all" || name == "verbosity") {
    return words.size() < 2 ? 0 : static_cast<u32>(toy::unsigned_of(words[1]).value_or(0));
  }
  if (name == "stats") return 0;
  if (first_key_of_values(name) != 0) return token_of(words);
  if (is_meta(name)) {
    const std::string opaque = flags_of(words).argument('O', "");
    if (!opaque.empty()) return static_cast<u32>(toy::unsigned_of(opaque).value_or(0));
  }
  return token_of({key_of(words), session.data});
}

// Of a command to all servers the client sees one answer for all.
bool ToyMemcached::is_seen(const Session& session) const {
  const u32 number = token(session);
  if (number == 0) return session.words[0] != "flush_all";
  const Issued& issued = oracle_.issued(number);
  return issued.hush == Hush::none && issued.kind != CommandKind::from_all;
}

std::size_t ToyMemcached::value_end(std::string_view reply) const {
  std::string_view end;
  const std::vector<toy::ValueBlock> blocks = toy::value_blocks(reply, end);
  const std::string_view block = blocks.empty() ? reply : blocks.back().raw;
  const bool has_value = !blocks.empty() || reply.starts_with("VA ");
  if (!has_value || block.ends_with("\r\n\r\n")) return std::string_view::npos;
  return static_cast<std::size_t>(block.data() - reply.data()) + block.size() - 2;
}

std::string ToyMemcached::answer(Session& session) {
  const std::vector<std::string>& words = session.words;
  const std::string& name = words[0];
  if (!is_known(name)) {
    wrong("was sent what a proxy answers itself: " + printable(toy::memcached_command(words)));
    return {};
  }
  if (first_key_of_values(name) != 0) return answer_values(session);
  if (name == "stats") return answer_stats(session);
  const bool is_made_up = !options_.honest && name != "flush_all";
  const u32 number = token(session);
  const std::string reply = is_made_up ? made_up(session) : store_.execute(words, session.data);
  if (name == "flush_all" && words.size() == 1) {
    oracle_.on_flush(options_.index);
    return reply;
  }
  Execution execution{options_.index, session.serial, words, reply};
  if (!session.data.empty()) execution.arguments.push_back(session.data);
  oracle_.on_command(number, key_of(words), std::move(execution));
  return reply;
}

std::string ToyMemcached::answer_values(const Session& session) {
  const std::vector<std::string>& words = session.words;
  const std::size_t first = first_key_of_values(words[0]);
  const bool with_cas = words[0].ends_with('s');
  Dice& dice = universe_.dice;
  std::vector<KeyAnswer> answers;
  std::string reply;
  // A key named twice is there twice or not at all: who merges answers cannot know which is which.
  std::map<std::string, bool> is_there;
  // The key before which the server gives up.
  const std::size_t last = !options_.honest && dice.chance(1, 40)
                               ? first + dice.below(words.size() - first)
                               : words.size();
  const std::string error = last < words.size() ? made_up_error() : std::string();
  for (std::size_t i = first; i < words.size(); ++i) {
    KeyAnswer& answer = answers.emplace_back();
    answer.key = words[i];
    if (i >= last) {
      answer.error = error;
      answer.end = error;
      continue;
    }
    if (options_.honest) {
      answer.block = store_.value_of(words[i], with_cas);
    } else if (is_there.emplace(words[i], !dice.chance(1, 4)).first->second) {
      answer.block = made_up_block(words[i], with_cas);
    }
    if (answer.block.empty()) answer.end = error;
    reply += answer.block;
  }
  reply += error.empty() ? "END\r\n" : error;
  if (options_.honest && first == 2) store_.execute(words, {});
  oracle_.on_values(options_.index, session.serial, words, answers, reply);
  return reply;
}

std::string ToyMemcached::answer_stats(const Session& session) {
  std::string reply = made_up_error();
  if (options_.honest || !universe_.dice.chance(1, 10)) {
    reply = "STAT pid " + std::to_string(100 + options_.index) + "\r\nSTAT " +
            (session.words.size() > 1 ? session.words[1] : "time") + " " + mark() + "\r\nEND\r\n";
  }
  oracle_.on_stats(options_.index, reply);
  return reply;
}

std::string ToyMemcached::mark() {
  return std::to_string(options_.index) + "." + std::to_string(++serial_);
}

std::string ToyMemcached::made_up_error() {
  return std::string("SERVER_ERROR toy ").append(mark()).append(" is out of memory\r\n");
}

std::string ToyMemcached::made_up_value() {
  return std::string("v").append(mark()).append(filler());
}

std::string ToyMemcached::made_up_block(const std::string& key, bool with_cas) {
  const std::string value = made_up_value();
  std::string block("VALUE ");
  block.append(key).append(" ").append(std::to_string(universe_.dice.below(u64{1} << 32)));
  block.append(" ").append(std::to_string(value.size()));
  if (with_cas) block.append(" ").append(std::to_string(++serial_));
  return block.append("\r\n").append(value).append("\r\n");
}

std::string ToyMemcached::made_up(const Session& session) {
  const std::vector<std::string>& words = session.words;
  const std::string& name = words[0];
  Dice& dice = universe_.dice;
  if (dice.chance(1, 25)) return made_up_error();
  if (is_meta(name)) return made_up_meta(words);
  if (name == "verbosity") return "OK\r\n";
  if (name == "incr" || name == "decr") {
    return dice.chance(1, 5) ? "NOT_FOUND\r\n" : std::to_string(dice.number()) + "\r\n";
  }
  if (name == "delete") return dice.chance(1, 2) ? "DELETED\r\n" : "NOT_FOUND\r\n";
  if (name == "touch") return dice.chance(1, 2) ? "TOUCHED\r\n" : "NOT_FOUND\r\n";
  constexpr const char* kStored[] = {"STORED\r\n",     "STORED\r\n", "STORED\r\n",
                                     "NOT_STORED\r\n", "EXISTS\r\n", "NOT_FOUND\r\n"};
  return kStored[dice.below(6)];
}

std::string ToyMemcached::made_up_meta(const std::vector<std::string>& words) {
  const MetaFlags flags = flags_of(words);
  const std::string& name = words[0];
  Dice& dice = universe_.dice;
  const std::string echo = flags.echo();
  const bool fails = dice.chance(1, 3);
  if (name == "me") {
    return fails ? "EN\r\n" : "ME " + words[1] + " exp=-1 la=0 cas=" + mark() + " fetch=no\r\n";
  }
  if (name == "mg" && fails) return "EN" + echo + "\r\n";
  if (name == "ma" && fails) return "NF" + echo + "\r\n";
  constexpr const char* kFailures[] = {"NS", "EX", "NF"};
  if (fails) return kFailures[dice.below(3)] + echo + "\r\n";
  const auto number = [&] { return std::to_string(dice.below(u64{1} << 40)); };
  const std::string full = flags.echo(
      {{'f', number()}, {'c', number()}, {'s', number()}, {'t', number()}}, flags.has('b'));
  if (!flags.has('v')) return "HD" + full + "\r\n";
  const std::string value = name == "mg" ? made_up_value() : number();
  return "VA " + std::to_string(value.size()) + full + "\r\n" + value + "\r\n";
}

}  // namespace ringfold::sim
