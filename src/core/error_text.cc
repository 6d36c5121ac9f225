#include "core/error_text.h"

#include <fmt/format.h>

#include <cerrno>

namespace ringfold {

std::string failure_reason(Failure failure, std::string_view detail) {
  std::string_view text = "";
  switch (failure) {
    case Failure::none:
      text = "failed";
      break;
    case Failure::timed_out:
      text = "timed out";
      break;
    case Failure::connect_timed_out:
      text = "timed out (no connection within connect_timeout_ms)";
      break;
    case Failure::refused:
      text = "refused the connection";
      break;
    case Failure::unreachable:
      text = "cannot be reached";
      break;
    case Failure::closed:
      text = "closed the connection";
      break;
    case Failure::reset:
      text = "broke the connection";
      break;
    case Failure::bad_reply:
      text = "sent something that is no reply";
      break;
    case Failure::reply_too_large:
      text = "sent a reply larger than client_output_limit";
      break;
    case Failure::password_refused:
      text = "refused the password";
      break;
    case Failure::database_refused:
      text = "refused the database";
      break;
    case Failure::probe_refused:
      text = "is not ready";
      break;
    case Failure::overloaded:
      text = "was not asked: too much waits for it already";
      break;
    case Failure::ejected:
      text = "is ejected";
      break;
    case Failure::unresolved:
      text = "has a host name without an address";
      break;
    case Failure::cut_off:
      text = "had not answered when drain_timeout_ms was over";
      break;
    case Failure::out_of_descriptors:
      text = "cannot be connected to: no descriptor is free";
      break;
    case Failure::out_of_requests:
      text = "was not asked: too many requests are in flight";
      break;
    case Failure::keys_moved:
      text = "no longer has all keys of the request: a server was ejected or came back";
      break;
  }
  if (detail.empty()) return std::string(text);
  return fmt::format("{}: {}", text, detail);
}

std::string failure_line(Protocol protocol, Failure failure, std::string_view server,
                         std::string_view detail) {
  const std::string_view kind = protocol == Protocol::redis ? "-ERR" : "SERVER_ERROR";
  return fmt::format("{} ringfold: server \"{}\" {}\r\n", kind, server,
                     failure_reason(failure, detail));
}

std::string_view memory_line(Protocol protocol) {
  return protocol == Protocol::redis
             ? "-ERR ringfold: not taken: memory_limit is nearly reached\r\n"
             : "SERVER_ERROR ringfold: not taken: memory_limit is nearly reached\r\n";
}

Failure failure_of_connect(i32 result) {
  switch (-result) {
    case ECONNREFUSED:
    case ENOENT:
      return Failure::refused;
    case ECANCELED:
    case ETIMEDOUT:
      return Failure::connect_timed_out;
    case EMFILE:
    case ENFILE:
      return Failure::out_of_descriptors;
    default:
      return Failure::unreachable;
  }
}

Failure failure_of_stream(i32 result) {
  return result == 0 ? Failure::closed : Failure::reset;
}

std::string refusal_text(const CommandSpec& command) {
  std::string_view why;
  switch (command.refusal) {
    case Refusal::transaction:
      why = "transactions need a connection of their own, which this version does not lend";
      break;
    case Refusal::pubsub:
      why = "publish and subscribe are not spread over servers";
      break;
    case Refusal::blocking:
      why = "it would block a connection that other clients share";
      break;
    case Refusal::administration:
      why = "administration is done at the servers themselves";
      break;
    case Refusal::cluster:
      why = "the proxy shards by its own configuration, not by cluster slots";
      break;
    case Refusal::replication:
      why = "replication is a matter between servers";
      break;
    case Refusal::unsupported:
    case Refusal::none:
      why = "it cannot be answered right across several servers";
      break;
  }
  std::string name(command.name);
  if (const std::size_t bar = name.find('|'); bar != std::string::npos) name[bar] = ' ';
  return fmt::format("ERR ringfold: '{}' is refused: {}", name, why);
}

}  // namespace ringfold
