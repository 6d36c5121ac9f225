#include "oracle.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ringfold::sim {

namespace {

std::string spell(const std::vector<std::string>& arguments) {
  std::string text;
  for (const std::string& argument : arguments) text += (text.empty() ? "" : " ") + argument;
  return printable(text);
}

// Another part of the command failed, in its time, and the client was told that.
bool is_error_of_another_part(const Issued& issued, std::string_view reply) {
  return reply.starts_with('-') && std::any_of(issued.executions.begin(), issued.executions.end(),
                                               [reply](const Execution& execution) {
                                                 return !execution.overtaken &&
                                                        execution.reply == reply;
                                               });
}

}  // namespace

u32 token_of(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    const std::size_t mark = argument.rfind('#');
    if (mark == std::string::npos) continue;
    u32 token = 0;
    const char* end = argument.data() + argument.size();
    const auto [stop, code] = std::from_chars(argument.data() + mark + 1, end, token);
    if (code == std::errc() && stop == end) return token;
  }
  return 0;
}

u32 Oracle::issue(CommandKind kind, u32 client) {
  if (issued_.empty()) issued_.emplace_back();  // token 0 is nobody's
  Issued& fresh = issued_.emplace_back();
  fresh.kind = kind;
  fresh.client = client;
  return static_cast<u32>(issued_.size() - 1);
}

void Oracle::on_executed(u32 token, Execution execution) {
  ++executions_;
  if (token == 0 || token >= issued_.size()) {
    return universe_.fail("a server executed a command nobody issued: " +
                          spell(execution.arguments));
  }
  Issued& issued = issued_[token];
  for (const Execution& other : issued.executions) {
    // Parts of one command may meet where keys have moved.
    const bool is_part = keys_move && other.arguments != execution.arguments;
    if (other.server == execution.server && !is_part) {
      return universe_.fail("command #" + std::to_string(token) + " was executed twice by server " +
                            std::to_string(other.server) + ": " + spell(execution.arguments));
    }
  }
  execution.overtaken = note_order(token, execution.server, execution.session);
  issued.executions.push_back(std::move(execution));
}

std::string Oracle::routed_part(std::string_view key) const {
  if (hash_tag.empty()) return std::string(key);
  const std::size_t begin = key.find(hash_tag[0]);
  const std::size_t end = begin == key.npos ? key.npos : key.find(hash_tag[1], begin + 1);
  return std::string(end == key.npos ? key : key.substr(begin + 1, end - begin - 1));
}

void Oracle::check_home(std::string_view key, u32 server) {
  if (!home_of) return;
  if (keys_move) {
    last_routed_ = routed_part(key);
    return;
  }
  const u32 home = home_of(key);
  if (home == server) return;
  universe_.fail("server " + std::to_string(server) + " was asked for key " + printable(key) +
                 ", which is server " + std::to_string(home) + "'s");
}

bool Oracle::note_order(u32 token, u32 server, u32 session) {
  Issued& issued = issued_[token];
  // Where keys move, requests that waited in vain for one server go behind those that another one
  // has got meanwhile; but those for one key, or one hash tag, keep their order.
  const std::string lane = std::exchange(last_routed_, {});
  if (keys_move && lane.empty()) return false;
  u32& last_of_session = last_of_session_[{issued.client, session, lane}];
  if (token < last_of_session) {
    universe_.fail("command #" + std::to_string(token) + " of client " +
                   std::to_string(issued.client) + " came behind #" +
                   std::to_string(last_of_session) + " on the same server connection");
    return false;
  }
  last_of_session = token;
  LastExecution& last = last_[{issued.client, server, session / kSessionsOfOneAddress, lane}];
  if (token >= last.token) {
    last = {token, session};
    return false;
  }
  // Its connection was given up and its bytes came late. Nobody may have been told it went well.
  issued.overtaken = true;
  return true;
}

std::size_t Oracle::longest_reply(u32 token) const {
  std::size_t longest = 0;
  for (const Execution& execution : issued_[token].executions) {
    longest = std::max(longest, execution.reply.size());
  }
  return longest;
}

void Oracle::wrong(u32 token, std::string_view reply, const std::string& why) {
  universe_.fail((token == 0 ? "a client asked nothing" : describe(token)) +
                 "\n  and the client got " + printable(reply) + "\n  but " + why);
}

std::string Oracle::describe(u32 token) const {
  const Issued& issued = issued_[token];
  std::string text =
      "client " + std::to_string(issued.client) + " asked " + spell(issued.arguments);
  for (const Execution& execution : issued.executions) {
    text += "\n  server " + std::to_string(execution.server) + " executed " +
            spell(execution.arguments) + " and said " + printable(execution.reply);
  }
  return text;
}

bool Oracle::expects_error(const Issued& issued) {
  return issued.kind == CommandKind::refused || issued.kind == CommandKind::exact ||
         issued.kind == CommandKind::any_error || issued.kind == CommandKind::no_auth;
}

std::string Oracle::objection_to_error(std::string_view reply) const {
  if (!errors_permitted_) return "nothing was broken";
  return error_rules.permits(reply) ? "" : "nothing that could be said so has happened";
}

std::string Oracle::objection(u32 token, std::string_view reply) {
  const Issued& issued = issued_[token];
  // Before it is looked at what it asks for.
  if (is_proxy_error(reply) && issued.executions.empty() && error_rules.permits_for_any(reply))
    return {};
  if (is_proxy_error(reply) && !expects_error(issued)) {
    const bool may_cross = issued.kind == CommandKind::cross_key && issued.executions.empty() &&
                           reply.find("are on different servers") != std::string_view::npos;
    return may_cross ? "" : objection_to_error(reply);
  }
  if (is_too_large(issued, reply)) return {};
  if (issued.overtaken && !may_leave_out(issued, reply) && !is_error_of_another_part(issued, reply))
    return "a later command of the same client was executed before it";
  return check(issued, reply);
}

bool Oracle::take(u32 token, std::string_view reply) {
  ++replies_;
  if (!is_proxy_error(reply) || expects_error(issued_[token])) return false;
  universe_.sights.read_error(reply);
  ++errors_;
  return true;
}

bool Oracle::on_reply(u32 token, std::string_view reply) {
  const std::string why = objection(token, reply);
  if (!why.empty()) wrong(token, reply, why);
  return take(token, reply);
}

}  // namespace ringfold::sim
