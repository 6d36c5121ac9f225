// What the proxy answers by itself: the connection's own state (AUTH, SELECT, HELLO, CLIENT, ...)
// and small talk. Replies and error words are those of Redis 7.0, so that client libraries find
// what they expect.
#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <optional>

#include "core/command_info.h"
#include "core/context.h"
#include "core/error_text.h"
#include "core/redis_dispatch.h"
#include "core/stages.h"
#include "ringfold/proto/resp.h"

namespace ringfold {

namespace {

// The Redis whose commands and words ringfold speaks.
constexpr std::string_view kRedisVersion = "7.0.15";

struct Call {
  Context& context;
  u32 index;
  std::string_view bytes;
  const RequestFrame& frame;
  const CommandSpec& command;

  Client& client() { return context.clients[index]; }
  const PoolConfig& pool() { return *context.pools[client().pool].config; }

  // Requires: position < frame.argument_count.
  std::string_view argument(u32 position) const {
    if (position < RequestFrame::kInlineArguments) {
      return bytes.substr(frame.arguments[position].offset, frame.arguments[position].length);
    }
    resp::ArgumentCursor cursor(bytes, frame);
    Argument argument;
    for (u32 i = 0; i <= position; ++i) cursor.next(argument);
    return bytes.substr(argument.offset, argument.length);
  }

  void send(std::string_view reply) { reply_here(context, index, reply); }
  void ok() { send("+OK\r\n"); }
  void error(std::string_view text) {
    context.reply_text.clear();
    resp::encode_error(context.reply_text, text);
    send(context.reply_text);
  }
  void bulk(std::string_view text) {
    context.reply_text.clear();
    resp::encode_bulk(context.reply_text, text);
    send(context.reply_text);
  }
};

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter =
        text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    if (letter != lower[i]) return false;
  }
  return true;
}

std::optional<i64> parse_integer(std::string_view text) {
  i64 value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Takes as long for a wrong password as for the right one of its length.
bool equals_secret(std::string_view given, std::string_view secret) {
  if (given.size() != secret.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    difference |= static_cast<unsigned>(static_cast<unsigned char>(given[i] ^ secret[i]));
  }
  return difference == 0;
}

constexpr std::string_view kWrongPassword =
    "WRONGPASS invalid username-password pair or user is disabled.";

// True when the client is let in.
bool authenticate(Call& call, std::string_view user, std::string_view password) {
  const std::string& wanted = call.pool().client_password;
  // Without a password, Redis' default user takes any.
  if (user != "default" || (!wanted.empty() && !equals_secret(password, wanted))) {
    count_error(call.context, call.client(), ClientError::unauthenticated);
    call.error(kWrongPassword);
    return false;
  }
  call.client().authenticated = true;
  return true;
}

void auth(Call& call) {
  if (call.frame.argument_count > 3) {
    call.error("ERR syntax error");
    return;
  }
  if (call.frame.argument_count == 2) {
    if (call.pool().client_password.empty()) {
      call.error(
          "ERR AUTH <password> called without any password configured for the default user. "
          "Are you sure your configuration is correct?");
      return;
    }
    if (authenticate(call, "default", call.argument(1))) call.ok();
    return;
  }
  if (authenticate(call, call.argument(1), call.argument(2))) call.ok();
}

// False: the name has characters that would break the lines of CLIENT LIST.
bool set_name(Call& call, std::string_view name) {
  for (const char letter : name) {
    if (letter < '!' || letter > '~') {
      call.error("ERR Client names cannot contain spaces, newlines or special characters.");
      return false;
    }
  }
  Client& client = call.client();
  if (client.name != nullptr) call.context.blocks.give(client.name);
  client.name = nullptr;
  if (name.empty()) return true;
  client.name = call.context.blocks.take(name.size());
  std::memcpy(client.name->data, name.data(), name.size());
  client.name->end = static_cast<u32>(name.size());
  return true;
}

std::string_view name_of(const Client& client) {
  return client.name == nullptr ? std::string_view() : client.name->view();
}

// HELLO [protover [AUTH username password] [SETNAME clientname]]
void hello(Call& call) {
  u32 position = 1;
  if (call.frame.argument_count > 1) {
    const std::optional<i64> version = parse_integer(call.argument(position++));
    if (!version) {
      call.error("ERR Protocol version is not an integer or out of range");
      return;
    }
    if (*version != 2) {
      call.error("NOPROTO unsupported protocol version");
      return;
    }
  }
  std::optional<std::string_view> name;
  while (position < call.frame.argument_count) {
    const std::string_view option = call.argument(position);
    const u32 left = call.frame.argument_count - position - 1;
    if (equals_ignoring_case(option, "auth") && left >= 2) {
      if (!authenticate(call, call.argument(position + 1), call.argument(position + 2))) return;
      position += 3;
    } else if (equals_ignoring_case(option, "setname") && left >= 1) {
      name = call.argument(position + 1);
      position += 2;
    } else {
      call.error(fmt::format("ERR Syntax error in HELLO option '{}'", option.substr(0, 128)));
      return;
    }
  }
  if (!call.client().authenticated) {
    call.error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the "
        "HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and "
        "select the RESP protocol version at the same time");
    return;
  }
  if (name && !set_name(call, *name)) return;
  std::string& out = call.context.reply_text;
  out.clear();
  resp::encode_number_line(out, '*', 14);
  resp::encode_bulk(out, "server");
  resp::encode_bulk(out, "redis");
  resp::encode_bulk(out, "version");
  resp::encode_bulk(out, kRedisVersion);
  resp::encode_bulk(out, "proto");
  resp::encode_number_line(out, ':', 2);
  resp::encode_bulk(out, "id");
  resp::encode_number_line(out, ':', static_cast<i64>(call.client().id));
  resp::encode_bulk(out, "mode");
  resp::encode_bulk(out, "standalone");
  resp::encode_bulk(out, "role");
  resp::encode_bulk(out, "master");
  resp::encode_bulk(out, "modules");
  resp::encode_number_line(out, '*', 0);
  call.send(out);
}

void select_database(Call& call) {
  const std::optional<i64> number = parse_integer(call.argument(1));
  if (!number || *number > INT32_MAX || *number < INT32_MIN) {
    call.error("ERR value is not an integer or out of range");
  } else if (*number < 0) {
    call.error("ERR DB index is out of range");
  } else if (*number != call.pool().database) {
    call.error(fmt::format("ERR ringfold: SELECT {} is refused: this pool serves database {}",
                           *number, call.pool().database));
  } else {
    call.ok();
  }
}

void info(Call& call) {
  bool server = call.frame.argument_count == 1;
  bool persistence = server;
  for (u32 i = 1; i < call.frame.argument_count; ++i) {
    const std::string_view section = call.argument(i);
    const bool all = equals_ignoring_case(section, "all") ||
                     equals_ignoring_case(section, "default") ||
                     equals_ignoring_case(section, "everything");
    server = server || all || equals_ignoring_case(section, "server");
    persistence = persistence || all || equals_ignoring_case(section, "persistence");
  }
  std::string text;
  if (server) {
    text += fmt::format(
        "# Server\r\nredis_version:{}\r\nredis_mode:standalone\r\nringfold_version:{}\r\n",
        kRedisVersion, RINGFOLD_VERSION);
  }
  if (persistence) {
    if (!text.empty()) text += "\r\n";
    // Client libraries wait for this line to say 0 before they use a connection.
    text += "# Persistence\r\nloading:0\r\n";
  }
  call.bulk(text);
}

void client_info(Call& call) {
  const Client& client = call.client();
  call.bulk(fmt::format("id={} name={} db={} user=default resp=2 cmd=client|info\n", client.id,
                        name_of(client), call.pool().database));
}

void client_set_info(Call& call) {
  const std::string_view attribute = call.argument(2);
  if (!equals_ignoring_case(attribute, "lib-name") && !equals_ignoring_case(attribute, "lib-ver")) {
    call.error(fmt::format("ERR Unrecognized option '{}'", attribute.substr(0, 128)));
    return;
  }
  for (const char letter : call.argument(3)) {
    if (letter < '!' || letter > '~') {
      call.error(
          fmt::format("ERR {} cannot contain spaces, newlines or special characters.", attribute));
      return;
    }
  }
  call.ok();
}

// CLIENT NO-EVICT and NO-TOUCH: the proxy evicts nobody and touches nothing of its own; ON | OFF is
// checked.
void client_switch(Call& call) {
  const std::string_view value = call.argument(2);
  if (equals_ignoring_case(value, "on") || equals_ignoring_case(value, "off")) {
    call.ok();
  } else {
    call.error("ERR syntax error");
  }
}

void client_reply(Call& call) {
  if (equals_ignoring_case(call.argument(2), "on")) {
    call.ok();
  } else {
    call.error(
        "ERR ringfold: 'client reply' with OFF or SKIP is refused: every command gets its answer");
  }
}

void ping(Call& call) {
  if (call.frame.argument_count > 2) {
    call.error("ERR wrong number of arguments for 'ping' command");
  } else if (call.frame.argument_count == 2) {
    call.bulk(call.argument(1));
  } else {
    call.send("+PONG\r\n");
  }
}

void quit(Call& call) {
  call.ok();
  drain_client(call.context, call.index);
}

void reset(Call& call) {
  call.client().authenticated = call.pool().client_password.empty();
  set_name(call, {});
  call.send("+RESET\r\n");
}

void get_name(Call& call) {
  if (call.client().name == nullptr) {
    call.send("$-1\r\n");
  } else {
    call.bulk(name_of(call.client()));
  }
}

void client_id(Call& call) {
  call.context.reply_text.clear();
  resp::encode_number_line(call.context.reply_text, ':', static_cast<i64>(call.client().id));
  call.send(call.context.reply_text);
}

}  // namespace

void answer_locally(Context& context, u32 index, std::string_view bytes, const RequestFrame& frame,
                    const CommandSpec& command) {
  Call call{context, index, bytes, frame, command};
  switch (command.local) {
    case LocalCommand::ping:
      ping(call);
      return;
    case LocalCommand::echo:
      call.bulk(call.argument(1));
      return;
    case LocalCommand::quit:
      quit(call);
      return;
    case LocalCommand::hello:
      hello(call);
      return;
    case LocalCommand::reset:
      reset(call);
      return;
    case LocalCommand::auth:
      auth(call);
      return;
    case LocalCommand::select:
      select_database(call);
      return;
    case LocalCommand::info:
      info(call);
      return;
    case LocalCommand::readonly:
    case LocalCommand::readwrite:
      call.ok();
      return;
    case LocalCommand::client_id:
      client_id(call);
      return;
    case LocalCommand::client_setname:
      if (set_name(call, call.argument(2))) call.ok();
      return;
    case LocalCommand::client_getname:
      get_name(call);
      return;
    case LocalCommand::client_setinfo:
      client_set_info(call);
      return;
    case LocalCommand::client_info:
      client_info(call);
      return;
    case LocalCommand::client_no_evict:
    case LocalCommand::client_no_touch:
      client_switch(call);
      return;
    case LocalCommand::client_reply:
      client_reply(call);
      return;
    case LocalCommand::client_help:
    case LocalCommand::command:
    case LocalCommand::command_count:
    case LocalCommand::command_docs:
    case LocalCommand::command_info:
    case LocalCommand::command_getkeys:
    case LocalCommand::command_list:
    case LocalCommand::command_help:
      context.reply_text.clear();
      encode_command_reply(context.reply_text, command.local, bytes, frame);
      call.send(context.reply_text);
      return;
    case LocalCommand::none:
      RINGFOLD_ASSERT(command.local != LocalCommand::none);
  }
}

}  // namespace ringfold
