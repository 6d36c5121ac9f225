#include "oracle.h"

#include <algorithm>
#include <charconv>

#include "toy_resp.h"

namespace ringfold::sim {

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
                          printable(toy::command(execution.arguments)));
  }
  Issued& issued = issued_[token];
  for (const Execution& other : issued.executions) {
    if (other.server == execution.server) {
      return universe_.fail("command #" + std::to_string(token) + " was executed twice by server " +
                            std::to_string(other.server) + ": " +
                            printable(toy::command(execution.arguments)));
    }
  }
  u32& last_of_session = last_of_session_[{issued.client, execution.session}];
  if (token < last_of_session) {
    return universe_.fail("command #" + std::to_string(token) + " of client " +
                          std::to_string(issued.client) + " came behind #" +
                          std::to_string(last_of_session) + " on the same server connection");
  }
  last_of_session = token;
  LastExecution& last = last_[{issued.client, execution.server}];
  if (token < last.token) {
    // Its connection was given up and its bytes came late. Nobody may have been told it went well.
    issued.overtaken = true;
  } else {
    last = {token, execution.session};
  }
  issued.executions.push_back(std::move(execution));
}

i64 Oracle::next_size(u32 server) {
  // Twelve bits for each server, so that a sum says what its parts were.
  Sizes& sizes = sizes_[server];
  const i64 serial = ++sizes.last & 0xfff;
  sizes.outstanding.insert(serial);
  return serial << (12 * server);
}

std::size_t Oracle::longest_reply(u32 token) const {
  std::size_t longest = 0;
  for (const Execution& execution : issued_[token].executions) {
    longest = std::max(longest, execution.reply.size());
  }
  return longest;
}

void Oracle::wrong(const Issued& issued, std::string_view reply, const std::string& why) {
  const auto token = static_cast<u32>(&issued - issued_.data());
  universe_.fail(describe(token) + "\n  and the client got " + printable(reply) + "\n  but " + why);
}

std::string Oracle::describe(u32 token) const {
  const Issued& issued = issued_[token];
  std::string text = "client " + std::to_string(issued.client) + " asked " +
                     printable(toy::command(issued.arguments));
  for (const Execution& execution : issued.executions) {
    text += "\n  server " + std::to_string(execution.server) + " executed " +
            printable(toy::command(execution.arguments)) + " and said " +
            printable(execution.reply);
  }
  return text;
}

bool Oracle::on_reply(u32 token, std::string_view reply) {
  Issued& issued = issued_[token];
  ++replies_;
  issued.answered = true;
  const bool own_error = issued.kind == CommandKind::refused || issued.kind == CommandKind::exact ||
                         issued.kind == CommandKind::any_error ||
                         issued.kind == CommandKind::no_auth;
  if (is_proxy_error(reply) && !own_error) {
    ++errors_;
    const bool may_cross = issued.kind == CommandKind::cross_key && issued.executions.empty();
    if (!errors_permitted_ && !may_cross) wrong(issued, reply, "nothing was broken");
    return true;
  }
  if (reply.starts_with("-ERR Protocol error: request larger") && issued.executions.empty() &&
      toy::command(issued.arguments).size() > request_max_) {
    return true;
  }
  if (issued.overtaken) {
    wrong(issued, reply, "a later command of the same client was executed before it");
  }
  check(issued, reply);
  return false;
}

void Oracle::check(const Issued& issued, std::string_view reply) {
  switch (issued.kind) {
    case CommandKind::by_key:
    case CommandKind::cross_key:
      if (issued.executions.size() != 1) {
        wrong(issued, reply, "not exactly one server executed it");
      } else if (issued.executions[0].reply != reply) {
        wrong(issued, reply, "the server said something else");
      }
      return;
    case CommandKind::array_by_key:
      return check_array(issued, reply);
    case CommandKind::sum:
      return check_sum(issued, reply);
    case CommandKind::all_ok:
      return check_all_ok(issued, reply);
    case CommandKind::dbsize:
      return check_dbsize(issued, reply);
    case CommandKind::flush:
      if (reply != "+OK\r\n") wrong(issued, reply, "it should be OK");
      if (++flushes_answered_ * server_count_ > flushes_) {
        wrong(issued, reply, "not every server was flushed");
      }
      return;
    case CommandKind::keys:
    case CommandKind::scan:
      return check_keys(issued, reply);
    case CommandKind::from_all:
      return check_from_all(issued, reply);
    case CommandKind::exact:
      if (reply != issued.expected) {
        wrong(issued, reply, "the proxy should answer " + printable(issued.expected));
      }
      return;
    case CommandKind::any_error:
      if (reply[0] != '-') wrong(issued, reply, "it should be an error");
      return;
    case CommandKind::refused:
      if (!is_proxy_error(reply)) wrong(issued, reply, "the proxy should refuse it");
      return;
    case CommandKind::no_auth:
      if (!reply.starts_with("-NOAUTH")) wrong(issued, reply, "it should be NOAUTH");
      return;
  }
}

bool Oracle::is_error_of_child(const Issued& issued, std::string_view reply) const {
  return reply[0] == '-' &&
         std::any_of(issued.executions.begin(), issued.executions.end(),
                     [&](const Execution& execution) { return execution.reply == reply; });
}

// Every key of the command, in order, is the next key of one of its parts, and the parts have no
// others. Keys stand at every step-th argument.
bool Oracle::covers_keys(const Issued& issued, std::size_t step) const {
  std::vector<std::size_t> next(issued.executions.size(), 1);
  for (std::size_t i = 1; i < issued.arguments.size(); i += step) {
    bool found = false;
    for (std::size_t e = 0; e < next.size() && !found; ++e) {
      const std::vector<std::string>& part = issued.executions[e].arguments;
      if (next[e] + step > part.size()) continue;
      found = std::equal(part.begin() + static_cast<std::ptrdiff_t>(next[e]),
                         part.begin() + static_cast<std::ptrdiff_t>(next[e] + step),
                         issued.arguments.begin() + static_cast<std::ptrdiff_t>(i));
      if (found) next[e] += step;
    }
    if (!found) return false;
  }
  for (std::size_t e = 0; e < next.size(); ++e) {
    if (next[e] != issued.executions[e].arguments.size()) return false;
  }
  return true;
}

void Oracle::check_array(const Issued& issued, std::string_view reply) {
  if (is_error_of_child(issued, reply)) return;
  const std::vector<std::string_view> got = toy::elements(reply);
  if (got.size() + 1 != issued.arguments.size()) return wrong(issued, reply, "keys are missing");
  std::vector<std::vector<std::string_view>> parts;
  for (const Execution& execution : issued.executions) {
    parts.push_back(toy::elements(execution.reply));
  }
  std::vector<std::size_t> next(parts.size(), 0);
  for (std::size_t i = 0; i < got.size(); ++i) {
    bool right = errors_permitted_ && is_proxy_error(got[i]);
    for (std::size_t e = 0; e < parts.size(); ++e) {
      const Execution& execution = issued.executions[e];
      if (next[e] + 1 >= execution.arguments.size() ||
          execution.arguments[next[e] + 1] != issued.arguments[i + 1]) {
        continue;
      }
      const bool failed = execution.reply[0] == '-';
      if (failed ? got[i] == execution.reply : got[i] == parts[e][next[e]]) right = true;
      ++next[e];
      break;
    }
    if (!right)
      return wrong(issued, reply, "element " + std::to_string(i) + " is not the server's");
  }
}

void Oracle::check_sum(const Issued& issued, std::string_view reply) {
  if (is_error_of_child(issued, reply)) return;
  if (!covers_keys(issued, 1)) return wrong(issued, reply, "not all keys were seen by a server");
  i64 sum = 0;
  for (const Execution& execution : issued.executions) {
    if (execution.reply[0] != ':') return wrong(issued, reply, "a part of it failed");
    sum += toy::number_of(execution.reply);
  }
  if (reply != toy::integer(sum)) wrong(issued, reply, "the sum is " + std::to_string(sum));
}

void Oracle::check_all_ok(const Issued& issued, std::string_view reply) {
  if (is_error_of_child(issued, reply)) return;
  if (!covers_keys(issued, 2)) return wrong(issued, reply, "not all keys were seen by a server");
  for (const Execution& execution : issued.executions) {
    if (execution.reply != "+OK\r\n") return wrong(issued, reply, "a part of it failed");
  }
  if (reply != "+OK\r\n") wrong(issued, reply, "it should be OK");
}

void Oracle::check_dbsize(const Issued& issued, std::string_view reply) {
  i64 sum = toy::number_of(reply);
  for (Sizes& sizes : sizes_) {
    if (sizes.outstanding.erase(sum & 0xfff) == 0) {
      return wrong(issued, reply, "its parts are not the numbers the servers gave, one of each");
    }
    sum >>= 12;
  }
  if (sum != 0) wrong(issued, reply, "it is too large");
}

void Oracle::check_keys(const Issued& issued, std::string_view reply) {
  if (is_error_of_child(issued, reply)) return;
  const bool scan = issued.kind == CommandKind::scan;
  if (issued.executions.size() != (scan ? 1 : server_count_)) {
    return wrong(issued, reply, "the wrong number of servers executed it");
  }
  const auto list = [scan](std::string_view whole) {
    std::vector<std::string_view> parts = toy::elements(whole);
    if (!scan) return parts;
    return parts.size() == 2 ? toy::elements(parts[1]) : std::vector<std::string_view>{"?"};
  };
  std::vector<std::string_view> expected;
  for (const Execution& execution : issued.executions) {
    for (const std::string_view element : list(execution.reply)) expected.push_back(element);
  }
  std::vector<std::string_view> got = list(reply);
  std::sort(got.begin(), got.end());
  std::sort(expected.begin(), expected.end());
  if (got != expected) wrong(issued, reply, "the elements are not the servers'");
}

void Oracle::check_from_all(const Issued& issued, std::string_view reply) {
  if (is_error_of_child(issued, reply)) return;
  if (issued.executions.size() != server_count_) {
    return wrong(issued, reply, "not every server executed it");
  }
  if (reply != issued.expected) wrong(issued, reply, "expected " + printable(issued.expected));
}

}  // namespace ringfold::sim
