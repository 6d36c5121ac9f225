#include "memcached_oracle.h"

#include <algorithm>
#include <set>

#include "toy_memcached_wire.h"

namespace ringfold::sim {

std::size_t first_key_of_values(std::string_view name) {
  if (name == "get" || name == "gets") return 1;
  return name == "gat" || name == "gats" ? 2 : 0;
}

void MemcachedOracle::note_key(const std::string& key, u32 server) {
  check_home(key, server);
  if (!keys_bound_) return;
  const auto [place, is_new] = server_of_.emplace(key, server);
  if (is_new || place->second == server) return;
  universe_.fail("key " + printable(key) + " went to server " + std::to_string(server) +
                 ", and before to server " + std::to_string(place->second));
}

// A get that holds keys of this command reached a server.
void MemcachedOracle::note_asked(u32 token, u32 server, u32 session,
                                 const std::vector<std::string>& words, const std::string& reply) {
  if (token >= issued_.size() || issued_[token].kind != CommandKind::values) {
    return universe_.fail("a server was asked for values that nobody wants: " +
                          printable(toy::memcached_command(words)));
  }
  Issued& issued = issued_[token];
  const std::size_t first = first_key_of_values(words[0]);
  if (!std::equal(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(first),
                  issued.arguments.begin())) {
    universe_.fail(describe(token) + "\n  but a server was asked " +
                   printable(toy::memcached_command(words)));
  }
  note_order(token, server, session);
  issued.executions.push_back({server, session, words, reply});
}

void MemcachedOracle::on_values(u32 server, u32 session, const std::vector<std::string>& words,
                                const std::vector<KeyAnswer>& answers, const std::string& reply) {
  ++executions_;
  ++moment_;
  std::set<u32> tokens;
  for (const KeyAnswer& answer : answers) {
    note_key(answer.key, server);
    said_[answer.key].push_back({moment_, answer, reply.size()});
    const u32 token = token_of({answer.key});
    const bool is_new = token != 0 && tokens.insert(token).second;
    if (is_new) note_asked(token, server, session, words, reply);
    forget_lane();  // of a key that all clients share, or of one more of the same command
    if (token == 0) continue;
    if (universe_.failed()) return;
    const std::vector<std::string>& asked = issued_[token].arguments;
    const auto times = std::count(asked.begin(), asked.end(), answer.key);
    if (said_[answer.key].size() > static_cast<std::size_t>(times)) {
      universe_.fail("servers were asked more often for " + printable(answer.key) + " than by " +
                     describe(token));
    }
  }
}

void MemcachedOracle::on_command(u32 token, const std::string& key, Execution execution) {
  ++moment_;
  if (!key.empty()) note_key(key, execution.server);
  if (token != 0 && token < issued_.size() && execution.arguments != issued_[token].arguments) {
    return universe_.fail(describe(token) + "\n  but a server was asked " +
                          printable(toy::memcached_command(execution.arguments)));
  }
  on_executed(token, std::move(execution));
}

void MemcachedOracle::on_flush(u32 server) {
  last_flush_[server] = ++moment_;
}

void MemcachedOracle::on_stats(u32 server, const std::string& reply) {
  stats_.push_back({++moment_, server, reply});
}

bool MemcachedOracle::hides(const Issued& issued, std::string_view reply) const {
  const std::string_view code = reply.substr(0, 2);
  switch (issued.hush) {
    case Hush::none:
      return false;
    case Hush::everything:
      return true;
    case Hush::misses:
      return code == "EN";
    case Hush::successes:
      return code == "HD" || (code == "VA" && issued.arguments[0] == "ma");
  }
  return false;
}

bool MemcachedOracle::may_be_silent(u32 token) const {
  const Issued& command = issued_[token];
  if (command.hush == Hush::none) return false;
  if (command.hush == Hush::everything) {
    // Its failures are silent too; but where nothing is broken it has been done.
    if (errors_permitted_ || command.kind == CommandKind::exact) return true;
    if (command.kind == CommandKind::flush) return flushed_since(command.moment);
    const bool is_everywhere = command.kind == CommandKind::from_all;
    const std::size_t count = command.executions.size();
    return is_everywhere ? count >= servers_min && count <= server_count_ : count == 1;
  }
  if (command.hush == Hush::misses && may_be_ejected_miss(command)) return true;
  return command.executions.size() == 1 && hides(command, command.executions[0].reply);
}

bool MemcachedOracle::may_be_ejected_miss(const Issued& issued) const {
  return ejected_misses_permitted_ && errors_permitted_ && issued.executions.empty() &&
         issued.arguments[0] == "mg";
}

std::size_t MemcachedOracle::longest_reply(u32 token) const {
  std::size_t longest = Oracle::longest_reply(token);
  const Issued& command = issued_[token];
  if (command.kind != CommandKind::values) return longest;
  for (const std::string& key : command.arguments) {
    for (const Said* said : said_about(command, key)) longest = std::max(longest, said->reply_size);
  }
  return longest;
}

bool MemcachedOracle::is_too_large(const Issued& issued, std::string_view reply) const {
  return (reply == "SERVER_ERROR object too large for cache\r\n" ||
          reply == "CLIENT_ERROR ringfold: the command line is too long\r\n") &&
         issued.executions.empty() && issued.size > request_max_;
}

std::string MemcachedOracle::check(const Issued& issued, std::string_view reply) {
  switch (issued.kind) {
    case CommandKind::by_key:
      return check_by_key(issued, reply);
    case CommandKind::values:
      return check_values(issued, reply);
    case CommandKind::from_all:
      return check_from_all(issued, reply);
    case CommandKind::flush:
      return check_flush(issued, reply);
    case CommandKind::stats:
      return check_stats(issued, reply);
    case CommandKind::exact:
      if (reply == issued.expected) return {};
      return "the proxy should answer " + printable(issued.expected);
    case CommandKind::any_error:
      return toy::is_memcached_error(reply) ? "" : "it should be an error";
    default:
      return "it is no command of memcached";
  }
}

std::string MemcachedOracle::check_by_key(const Issued& issued, std::string_view reply) const {
  if (issued.hush == Hush::everything) return "it said noreply";
  if (issued.hush != Hush::misses && reply == "EN\r\n" && may_be_ejected_miss(issued)) return {};
  if (issued.executions.size() != 1) return "not exactly one server executed it";
  if (issued.executions[0].reply != reply) return "the server said something else";
  return hides(issued, reply) ? "it asked not to hear of this" : "";
}

// What servers said about the key since the command was made, the oldest first.
std::vector<const MemcachedOracle::Said*> MemcachedOracle::said_about(
    const Issued& issued, const std::string& key) const {
  std::vector<const Said*> list;
  const auto found = said_.find(key);
  if (found == said_.end()) return list;
  for (const Said& said : found->second) {
    if (said.moment > issued.moment) list.push_back(&said);
  }
  return list;
}

std::string MemcachedOracle::check_values(const Issued& issued, std::string_view reply) const {
  std::string_view end;
  const std::vector<toy::ValueBlock> blocks = toy::value_blocks(reply, end);
  std::map<std::string_view, std::size_t> taken;  // of the answers about keys with a token
  std::size_t next = 0;
  bool is_complete = true;  // a server said of each key without a value that it has none
  for (std::size_t i = first_key_of_values(issued.arguments[0]); i < issued.arguments.size(); ++i) {
    const std::string& key = issued.arguments[i];
    std::vector<const Said*> said = said_about(issued, key);
    if (token_of({key}) != 0) {
      const std::size_t turn = taken[key]++;
      said = turn < said.size() ? std::vector<const Said*>{said[turn]} : std::vector<const Said*>{};
    }
    const auto is_said = [&](std::string_view block) {
      return std::any_of(said.begin(), said.end(), [&](const Said* one) {
        return one->answer.error.empty() && one->answer.block == block;
      });
    };
    if (next < blocks.size() && blocks[next].key == key && is_said(blocks[next].raw)) {
      ++next;
    } else if (!is_said("")) {
      is_complete = false;
    }
  }
  if (next < blocks.size()) {
    return "no server gave the value " + printable(blocks[next].raw) + " in its place";
  }
  return check_end(issued, end, is_complete);
}

std::string MemcachedOracle::check_end(const Issued& issued, std::string_view end,
                                       bool is_complete) const {
  std::set<std::string> errors;
  for (const std::string& key : issued.arguments) {
    for (const Said* said : said_about(issued, key)) {
      if (!said->answer.end.empty()) errors.insert(said->answer.end);
    }
  }
  if (end == "END\r\n") {
    const bool was_broken = errors_permitted_ || !errors.empty();
    if (is_complete || (misses_permitted_ && was_broken)) return {};
    if (ejected_misses_permitted_ && errors_permitted_) {
      universe_.sights.see(Sight::ejected_miss);
      return {};
    }
    return "a key is missing of which no server said that it has no value";
  }
  if (end.find("not asked for") != std::string_view::npos) return "no server answers so";
  if (is_proxy_error(end)) return objection_to_error(end);
  return errors.contains(std::string(end)) ? "" : "no server gave this end";
}

std::string MemcachedOracle::check_from_all(const Issued& issued, std::string_view reply) const {
  if (issued.hush == Hush::everything) return "it said noreply";
  bool is_said = false;
  bool is_fine =
      issued.executions.size() >= servers_min && issued.executions.size() <= server_count_;
  for (const Execution& execution : issued.executions) {
    is_said |= execution.reply == reply;
    is_fine &= execution.reply == issued.expected;
  }
  if (!is_said) return "no server said so";
  // The first error is the answer, whatever became of the other parts.
  return is_fine || reply != issued.expected ? "" : "a part of it failed";
}

bool MemcachedOracle::flushed_since(u64 moment) const {
  const auto flushed = std::count_if(last_flush_.begin(), last_flush_.end(),
                                     [&](const auto& flush) { return flush.second > moment; });
  return static_cast<u32>(flushed) >= servers_min;
}

std::string MemcachedOracle::check_flush(const Issued& issued, std::string_view reply) const {
  if (issued.hush == Hush::everything) return "it said noreply";
  if (reply != "OK\r\n") return "it should be OK";
  return flushed_since(issued.moment) ? "" : "not every server was flushed";
}

// Without the END. is_named: each name with its server's in front.
std::string MemcachedOracle::stat_lines(const Stats& stats, bool is_named) {
  std::string lines = stats.reply.substr(0, stats.reply.size() - 5);
  if (!is_named) return lines;
  const std::string name = std::string("s").append(std::to_string(stats.server)).append(":");
  for (std::size_t at = 5; at < lines.size(); at = lines.find('\n', at) + 6) {
    lines.insert(at, name);
  }
  return lines;
}

// Of whichever servers there were, in whatever order.
std::string MemcachedOracle::check_some_stats(const Issued& issued, std::string_view reply) const {
  std::string_view rest = reply;
  u32 found = 0;
  bool is_found = true;
  while (is_found) {
    is_found = false;
    for (const Stats& stats : stats_) {
      if (stats.moment <= issued.moment || toy::is_memcached_error(stats.reply)) continue;
      for (const bool is_named : {true, false}) {
        const std::string lines = stat_lines(stats, is_named);
        is_found = !lines.empty() && rest.starts_with(lines);
        if (is_found) rest.remove_prefix(lines.size());
        if (is_found) break;
      }
      if (is_found) break;
    }
    if (is_found) ++found;
  }
  if (found < servers_min) return "fewer servers than there are have said so";
  return rest == "END\r\n" ? "" : "it does not end there";
}

// One answer of each server, in their order, each name with its server's in front; that of a single
// server as it is.
std::string MemcachedOracle::check_stats(const Issued& issued, std::string_view reply) const {
  if (toy::is_memcached_error(reply)) {
    const bool is_said = std::any_of(stats_.begin(), stats_.end(), [&](const Stats& stats) {
      return stats.moment > issued.moment && stats.reply == reply;
    });
    return is_said ? "" : "no server said so";
  }
  if (servers_min != server_count_) return check_some_stats(issued, reply);
  std::string_view rest = reply;
  for (u32 server = 0; server < server_count_; ++server) {
    bool is_found = false;
    for (const Stats& stats : stats_) {
      if (is_found || stats.server != server || stats.moment <= issued.moment) continue;
      if (toy::is_memcached_error(stats.reply)) continue;
      const std::string expected = stat_lines(stats, server_count_ > 1);
      is_found = rest.starts_with(expected);
      if (is_found) rest.remove_prefix(expected.size());
    }
    if (!is_found) return "it has not what server " + std::to_string(server) + " said";
  }
  return rest == "END\r\n" ? "" : "it does not end there";
}

}  // namespace ringfold::sim
