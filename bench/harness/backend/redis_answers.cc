// Answers to Redis requests. Every command of the table is known; what it would do to a real server
// decides only what kind of reply it gets.
#include <array>
#include <iterator>

#include "backend/answer.h"
#include "ringfold/base/assert.h"
#include "ringfold/proto/command.h"
#include "ringfold/proto/resp.h"

namespace ringfold::backend {

namespace {

enum class Kind : u8 {
  ok,           // +OK: what a write gets that is not named below
  null,         // likewise a read
  value,        // the first key's value
  values,       // an array with every key's value
  exists,       // how many of the keys exist
  length,       // of the first key's value
  type,         // of the first key
  one,          // :1
  zero,         // :0
  no_limit,     // :-1, a key without a time to live
  no_elements,  // an empty array
  scan,         // the end of a scan
  ping,
  echo,
  quit,
  hello,
  info,
  command,
  config,
  client,
  state,    // +OK: about the connection, not about keys
  refused,  // needs what a server without memory cannot give
};

struct Row {
  std::string_view name;
  Kind kind;
};

using enum Kind;

constexpr Row kRows[] = {
    {"get", value},
    {"getex", value},
    {"getdel", value},
    {"getset", value},
    {"hget", value},
    {"lindex", value},
    {"lpop", value},
    {"rpop", value},
    {"spop", value},
    {"srandmember", value},
    {"mget", values},
    {"del", exists},
    {"unlink", exists},
    {"exists", exists},
    {"touch", exists},
    {"strlen", length},
    {"type", type},
    {"setnx", one},
    {"incr", one},
    {"decr", one},
    {"incrby", one},
    {"decrby", one},
    {"append", one},
    {"expire", one},
    {"pexpire", one},
    {"expireat", one},
    {"pexpireat", one},
    {"persist", one},
    {"hset", one},
    {"hsetnx", one},
    {"hdel", one},
    {"hincrby", one},
    {"hexists", one},
    {"lpush", one},
    {"rpush", one},
    {"lpushx", one},
    {"rpushx", one},
    {"sadd", one},
    {"srem", one},
    {"sismember", one},
    {"zadd", one},
    {"zrem", one},
    {"pfadd", one},
    {"setbit", one},
    {"dbsize", zero},
    {"llen", zero},
    {"scard", zero},
    {"hlen", zero},
    {"zcard", zero},
    {"ttl", no_limit},
    {"pttl", no_limit},
    {"lrange", no_elements},
    {"keys", no_elements},
    {"smembers", no_elements},
    {"hgetall", no_elements},
    {"hkeys", no_elements},
    {"hvals", no_elements},
    {"zrange", no_elements},
    {"zpopmin", no_elements},
    {"zpopmax", no_elements},
    {"scan", scan},
    {"ping", ping},
    {"echo", echo},
    {"quit", quit},
    {"hello", hello},
    {"info", info},
    {"command", command},
    {"config", config},
    {"client", client},
    {"select", state},
    {"auth", state},
    {"readonly", state},
    {"readwrite", state},
    {"reset", state},
};

Kind default_kind(const CommandSpec& spec) {
  if ((spec.flags & kWrite) != 0) return ok;
  if ((spec.flags & kReadonly) != 0) return null;
  return spec.route == Route::refused ? refused : ok;
}

// One for each row of resp::command_table().
const std::array<Kind, 512> kKinds = [] {
  std::array<Kind, 512> kinds{};
  const auto table = resp::command_table();
  RINGFOLD_ASSERT(table.size() <= kinds.size());
  for (std::size_t i = 0; i < table.size(); ++i) kinds[i] = default_kind(table[i]);
  for (const Row& row : kRows) {
    const CommandSpec* spec = resp::find_command(row.name);
    RINGFOLD_ASSERT(spec != nullptr);
    kinds[static_cast<std::size_t>(spec - table.data())] = row.kind;
  }
  return kinds;
}();

constexpr std::string_view kHello =
    "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:2\r\n"
    "$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"
    "$7\r\nmodules\r\n*0\r\n";

constexpr std::string_view kInfo =
    "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n# Replication\r\nrole:master\r\n";

struct Call {
  const Store& store;
  std::string_view bytes;
  const RequestFrame& frame;
  Output& out;

  // Requires: index < RequestFrame::kInlineArguments and < frame.argument_count.
  std::string_view argument(u32 index) const {
    return bytes.substr(frame.arguments[index].offset, frame.arguments[index].length);
  }

  // The second word in lower case, as far as it fits; empty where there is none.
  std::string_view subcommand(std::array<char, 16>& room) const {
    if (frame.argument_count < 2) return {};
    const std::string_view word = argument(1).substr(0, room.size());
    for (std::size_t i = 0; i < word.size(); ++i) {
      const bool is_upper = word[i] >= 'A' && word[i] <= 'Z';
      room[i] = is_upper ? static_cast<char>(word[i] + 32) : word[i];
    }
    return {room.data(), word.size()};
  }

  void value_of(std::string_view key) {
    const Store::Item item = store.find(key);
    if (!item.exists) {
      resp::encode_null_bulk(out);
      return;
    }
    const u32 size = store.size_of(item);
    resp::encode_number_line(out, '$', size);
    store.append_value(out, item, size);
    out.append("\r\n");
  }
};

void answer_values(Call& call) {
  resp::encode_number_line(call.out, '*', call.frame.argument_count - 1);
  resp::ArgumentCursor cursor(call.bytes, call.frame);
  Argument argument;
  cursor.next(argument);
  while (cursor.next(argument)) {
    call.value_of(call.bytes.substr(argument.offset, argument.length));
  }
}

void answer_exists(Call& call) {
  i64 count = 0;
  resp::ArgumentCursor cursor(call.bytes, call.frame);
  Argument argument;
  cursor.next(argument);
  while (cursor.next(argument)) {
    if (call.store.find(call.bytes.substr(argument.offset, argument.length)).exists) ++count;
  }
  resp::encode_number_line(call.out, ':', count);
}

Answered answer_error(Call& call, std::string_view text) {
  resp::encode_error(call.out, text);
  return {.is_data = false, .is_error = true};
}

Answered answer_hello(Call& call) {
  if (call.frame.argument_count > 1 && call.argument(1) != "2") {
    return answer_error(call, "NOPROTO unsupported protocol version");
  }
  call.out.append(kHello);
  return {.is_data = false};
}

void answer_command(Call& call) {
  std::array<char, 16> room{};
  if (call.subcommand(room) == "count") {
    resp::encode_number_line(call.out, ':', static_cast<i64>(resp::command_table().size()));
  } else {
    call.out.append("*0\r\n");
  }
}

void answer_config(Call& call) {
  std::array<char, 16> room{};
  if (call.subcommand(room) == "get" && call.frame.argument_count > 2) {
    call.out.append("*2\r\n");
    resp::encode_bulk(call.out, call.argument(2));
    call.out.append("$0\r\n\r\n");
  } else {
    call.out.append("+OK\r\n");
  }
}

void answer_client(Call& call) {
  std::array<char, 16> room{};
  const std::string_view word = call.subcommand(room);
  if (word == "id") {
    call.out.append(":1\r\n");
  } else if (word == "getname") {
    resp::encode_null_bulk(call.out);
  } else if (word == "list" || word == "info") {
    resp::encode_bulk(call.out, "id=1\n");
  } else {
    call.out.append("+OK\r\n");
  }
}

// What says nothing about keys.
Answered answer_small_talk(Call& call, Kind kind) {
  switch (kind) {
    case ping:
      if (call.frame.argument_count > 1) {
        resp::encode_bulk(call.out, call.argument(1));
      } else {
        call.out.append("+PONG\r\n");
      }
      break;
    case echo:
      resp::encode_bulk(call.out, call.argument(1));
      break;
    case quit:
      call.out.append("+OK\r\n");
      return {.is_data = false, .closes = true};
    case hello:
      return answer_hello(call);
    case info:
      resp::encode_bulk(call.out, kInfo);
      break;
    case command:
      answer_command(call);
      break;
    case config:
      answer_config(call);
      break;
    case client:
      answer_client(call);
      break;
    case refused:
      return answer_error(call, "ERR a null backend has no such thing");
    default:
      call.out.append("+OK\r\n");
  }
  return {.is_data = false};
}

void answer_about_key(Call& call, Kind kind) {
  const Store::Item item = call.store.find(call.argument(1));
  if (kind == length) {
    resp::encode_number_line(call.out, ':', item.exists ? call.store.size_of(item) : 0);
  } else {
    call.out.append(item.exists ? "+string\r\n" : "+none\r\n");
  }
}

}  // namespace

Answered answer_redis(const Store& store, std::string_view bytes, const RequestFrame& frame,
                      Output& out) {
  Call call{store, bytes, frame, out};
  const CommandSpec* spec = resp::find_command(call.argument(0));
  if (spec == nullptr) return answer_error(call, "ERR unknown command");
  if (!resp::arity_fits(*spec, frame.argument_count)) {
    return answer_error(call, "ERR wrong number of arguments");
  }
  const Kind kind = kKinds[static_cast<std::size_t>(spec - resp::command_table().data())];
  switch (kind) {
    case value:
      call.value_of(call.argument(1));
      break;
    case ok:
      out.append("+OK\r\n");
      break;
    case null:
      resp::encode_null_bulk(out);
      break;
    case values:
      answer_values(call);
      break;
    case exists:
      answer_exists(call);
      break;
    case length:
    case type:
      answer_about_key(call, kind);
      break;
    case one:
      out.append(":1\r\n");
      break;
    case zero:
      out.append(":0\r\n");
      break;
    case no_limit:
      out.append(":-1\r\n");
      break;
    case no_elements:
      out.append("*0\r\n");
      break;
    case scan:
      out.append("*2\r\n$1\r\n0\r\n*0\r\n");
      break;
    default:
      return answer_small_talk(call, kind);
  }
  return {};
}

}  // namespace ringfold::backend
