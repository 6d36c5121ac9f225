#include "redis_oracle.h"

#include <algorithm>

#include "toy_resp.h"

namespace ringfold::sim {

i64 RedisOracle::next_size(u32 server) {
  // Twelve bits for each server, so that a sum says what its parts were.
  Sizes& sizes = sizes_[server];
  const i64 serial = ++sizes.last & 0xfff;
  sizes.outstanding.insert(serial);
  return serial << (12 * server);
}

void RedisOracle::check_keys_home(u32 token, const std::vector<std::string>& arguments,
                                  u32 server) {
  if (token == 0 || token >= issued_.size()) return;
  std::size_t end = arguments.size();
  std::size_t step = 1;
  switch (issued_[token].kind) {
    case CommandKind::by_key:
      end = 2;
      break;
    case CommandKind::all_ok:
      step = 2;
      break;
    case CommandKind::cross_key:
    case CommandKind::array_by_key:
    case CommandKind::sum:
      break;
    default:
      return;
  }
  for (std::size_t i = 1; i < end; i += step) check_home(arguments[i], server);
}

bool RedisOracle::is_too_large(const Issued& issued, std::string_view reply) const {
  return reply.starts_with("-ERR Protocol error: request larger") && issued.executions.empty() &&
         toy::command(issued.arguments).size() > request_max_;
}

std::string RedisOracle::check(const Issued& issued, std::string_view reply) {
  switch (issued.kind) {
    case CommandKind::by_key:
    case CommandKind::cross_key:
      return check_by_key(issued, reply);
    case CommandKind::array_by_key:
      return check_array(issued, reply);
    case CommandKind::sum:
      return check_sum(issued, reply);
    case CommandKind::all_ok:
      return check_all_ok(issued, reply);
    case CommandKind::dbsize:
      return is_loading_reply(reply) ? "" : check_dbsize(reply);
    case CommandKind::flush:
      return is_loading_reply(reply) ? "" : check_flush(reply);
    case CommandKind::keys:
    case CommandKind::scan:
      return check_keys(issued, reply);
    case CommandKind::from_all:
      return check_from_all(issued, reply);
    case CommandKind::exact:
      if (reply == issued.expected) return {};
      return "the proxy should answer " + printable(issued.expected);
    case CommandKind::any_error:
      return reply[0] == '-' ? "" : "it should be an error";
    case CommandKind::refused:
      return is_proxy_error(reply) ? "" : "the proxy should refuse it";
    case CommandKind::no_auth:
      return reply.starts_with("-NOAUTH") ? "" : "it should be NOAUTH";
    case CommandKind::values:
    case CommandKind::stats:
      break;
  }
  return "it is no command of Redis";
}

std::string RedisOracle::check_by_key(const Issued& issued, std::string_view reply) const {
  if (issued.executions.size() != 1) return "not exactly one server executed it";
  return issued.executions[0].reply == reply ? "" : "the server said something else";
}

std::string RedisOracle::check_flush(std::string_view reply) {
  if (reply != "+OK\r\n") return "it should be OK";
  return ++flushes_answered_ * servers_min > flushes_ ? "not every server was flushed" : "";
}

bool RedisOracle::is_error_of_child(const Issued& issued, std::string_view reply) const {
  return reply[0] == '-' &&
         std::any_of(issued.executions.begin(), issued.executions.end(),
                     [&](const Execution& execution) { return execution.reply == reply; });
}

// Every key of the command, in order, is the next key of one of its parts, and the parts have no
// others. Keys stand at every step-th argument.
bool RedisOracle::covers_keys(const Issued& issued, std::size_t step) const {
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

std::string RedisOracle::check_array(const Issued& issued, std::string_view reply) const {
  if (is_error_of_child(issued, reply)) return {};
  const std::vector<std::string_view> got = toy::elements(reply);
  if (got.size() + 1 != issued.arguments.size()) return "keys are missing";
  std::vector<std::vector<std::string_view>> parts;
  for (const Execution& execution : issued.executions) {
    parts.push_back(toy::elements(execution.reply));
  }
  std::vector<std::size_t> next(parts.size(), 0);
  for (std::size_t i = 0; i < got.size(); ++i) {
    bool right = false;
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
    if (!right) return "element " + std::to_string(i) + " is not the server's";
  }
  return {};
}

std::string RedisOracle::check_sum(const Issued& issued, std::string_view reply) const {
  if (is_error_of_child(issued, reply)) return {};
  if (!covers_keys(issued, 1)) return "not all keys were seen by a server";
  i64 sum = 0;
  for (const Execution& execution : issued.executions) {
    if (execution.reply[0] != ':') return "a part of it failed";
    sum += toy::number_of(execution.reply);
  }
  if (reply != toy::integer(sum)) return "the sum is " + std::to_string(sum);
  return {};
}

std::string RedisOracle::check_all_ok(const Issued& issued, std::string_view reply) const {
  if (is_error_of_child(issued, reply)) return {};
  if (!covers_keys(issued, 2)) return "not all keys were seen by a server";
  for (const Execution& execution : issued.executions) {
    if (execution.reply != "+OK\r\n") return "a part of it failed";
  }
  if (reply != "+OK\r\n") return "it should be OK";
  return {};
}

std::string RedisOracle::check_dbsize(std::string_view reply) {
  i64 sum = toy::number_of(reply);
  u32 parts = 0;
  for (Sizes& sizes : sizes_) {
    const bool is_there = (sum & 0xfff) != 0 || servers_min == server_count_;
    parts += is_there ? 1 : 0;
    if (is_there && sizes.outstanding.erase(sum & 0xfff) == 0) {
      return "its parts are not the numbers the servers gave, one of each";
    }
    sum >>= 12;
  }
  if (parts < servers_min) return "fewer servers than there are have given numbers";
  if (sum != 0) return "it is too large";
  return {};
}

std::string RedisOracle::check_keys(const Issued& issued, std::string_view reply) const {
  if (is_error_of_child(issued, reply)) return {};
  const bool scan = issued.kind == CommandKind::scan;
  const std::size_t count = issued.executions.size();
  if (scan ? count != 1 : count < servers_min || count > server_count_) {
    return "the wrong number of servers executed it";
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
  if (got != expected) return "the elements are not the servers'";
  return {};
}

std::string RedisOracle::check_from_all(const Issued& issued, std::string_view reply) const {
  if (is_error_of_child(issued, reply)) return {};
  const std::size_t count = issued.executions.size();
  if (count < servers_min || count > server_count_) {
    return "not every server executed it";
  }
  if (reply != issued.expected) return "expected " + printable(issued.expected);
  return {};
}

}  // namespace ringfold::sim
