#include "core/redis_dispatch.h"

#include <fmt/format.h>

#include "core/context.h"
#include "core/redis_fanout.h"
#include "core/stages.h"
#include "core/writer.h"
#include "ringfold/proto/resp.h"

namespace ringfold {

namespace {

// A request in a block of its own is handed over from this size on; below, copying it behind other
// requests saves a piece.
constexpr u32 kTakeOverMin = 16_KiB;

void reply_error(Context& context, u32 client, std::string_view text,
                 ClientError error = ClientError::command) {
  count_error(context, context.clients[client], error);
  context.reply_text.clear();
  resp::encode_error(context.reply_text, text);
  reply_here(context, client, context.reply_text);
}

std::string_view text_of(std::string_view bytes, const Argument& argument) {
  return bytes.substr(argument.offset, argument.length);
}

// Redis' own words, so that a client's mistake reads the same with and without the proxy.
void reply_unknown_command(Context& context, u32 client, std::string_view bytes,
                           const RequestFrame& frame) {
  constexpr std::size_t kShown = 128;
  resp::ArgumentCursor cursor(bytes, frame);
  Argument argument;
  cursor.next(argument);
  const std::string_view name = text_of(bytes, argument).substr(0, kShown);
  std::string shown;
  while (shown.size() < kShown && cursor.next(argument)) {
    shown += fmt::format("'{}' ", text_of(bytes, argument).substr(0, kShown - shown.size()));
  }
  reply_error(context, client,
              fmt::format("ERR unknown command '{}', with args beginning with: {}", name, shown));
}

std::string upper_case(std::string_view text) {
  std::string upper(text);
  for (char& letter : upper) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  }
  return upper;
}

void reply_wrong_arity(Context& context, u32 client, const CommandSpec& command) {
  reply_error(context, client,
              fmt::format("ERR wrong number of arguments for '{}' command", command.name));
}

// To one server, as it came.
void forward(Context& context, u32 client, u32 server, std::string_view bytes,
             const CommandSpec& command, std::string_view key, Block** owned) {
  const u16 pool = context.clients[client].pool;
  Failure failure = Failure::none;
  const u32 connection = connection_for(context, pool, server, client, failure);
  const u32 request = connection == kNone ? kNone : take_request(context, RequestKind::single);
  if (request == kNone) {
    if (connection != kNone) failure = Failure::out_of_requests;
    reply_here(context, client, refusal_line(context, pool, server, failure));
    return;
  }
  const CommandMark mark = mark_of(command);
  start_stages(context, pool, request, mark, key);
  context.pools[pool].backends[server].stats->requests[index_of(mark.group)].add();
  enqueue_for_client(context, client, request);
  enqueue_for_backend(context, connection, request);
  Batch& batch = request_batch(context.connections[connection]);
  if (owned != nullptr && bytes.size() >= kTakeOverMin) {
    Block* block = *owned;
    *owned = nullptr;
    block->end = block->begin + static_cast<u32>(bytes.size());
    batch.append_block(block);
  } else {
    batch.append(context.blocks, bytes);
  }
  mark_backend_dirty(context, connection);
  note_load(context, client, connection);
}

enum class Placement : u8 { found, replied };

// The server that holds all keys of the request, and the first of them. replied: there is none, and
// the client was told why.
Placement place_by_keys(Context& context, u32 client, std::string_view bytes,
                        const RequestFrame& frame, const CommandSpec& command, u32& server,
                        std::string_view& first_key) {
  Pool& pool = context.pools[context.clients[client].pool];
  server = 0;
  resp::KeyCursor cursor(command, bytes, frame);
  Argument key;
  bool first = true;
  bool apart = false;
  const bool single = pool.shards.server_count() == 1;
  // Asked once for all keys of the command, so that the random distribution keeps them together.
  const u64 random = context.prng.next();
  while (cursor.next(key)) {
    const std::string_view text = text_of(bytes, key);
    if (first_key.empty()) first_key = text;
    note_key(context, pool, text);
    if (single) continue;
    const u32 found = pool.shards.route(text, random);
    apart = apart || (!first && found != server);
    server = found;
    first = false;
  }
  if (cursor.error() != nullptr) {
    reply_error(context, client, cursor.error());
    return Placement::replied;
  }
  if (cursor.is_blocking()) {
    CommandSpec blocking = command;
    blocking.refusal = Refusal::blocking;
    reply_error(context, client, refusal_text(blocking), ClientError::unsupported);
    return Placement::replied;
  }
  if (!single && cursor.has_patterns()) {
    reply_error(
        context, client,
        fmt::format("ERR ringfold: '{}' with BY or GET patterns is refused: the keys they name "
                    "may be on other servers",
                    command.name),
        ClientError::keys_apart);
    return Placement::replied;
  }
  if (!apart) return Placement::found;
  const std::string& tag = pool.config->sharding.hash_tag;
  const std::string hint =
      tag.empty()
          ? std::string("set hash_tag = \"{}\" in the pool and give the keys a common hash tag")
          : fmt::format("give the keys a common hash tag, such as {}user1{}", tag[0], tag[1]);
  reply_error(context, client,
              fmt::format("ERR ringfold: the keys of '{}' are on different servers; {}",
                          command.name, hint),
              ClientError::keys_apart);
  return Placement::replied;
}

// What a browser sends first that was tricked into talking to this port; Redis closes at the same
// words, before the body of the request could be taken for commands.
bool is_http(std::string_view name) {
  const std::string upper = upper_case(name.substr(0, 8));
  return upper == "POST" || upper == "HOST:";
}

bool is_allowed(const Client& client, const CommandSpec& command) {
  return client.authenticated || (command.flags & kNoAuth) != 0;
}

void route_request(Context& context, u32 client, std::string_view bytes, const RequestFrame& frame,
                   const CommandSpec& command, Block** owned) {
  Pool& pool = context.pools[context.clients[client].pool];
  u32 server = 0;
  std::string_view key;
  switch (command.route) {
    case Route::by_key:
      if (command.keys == KeyRule::range && command.first == command.last && command.first > 0 &&
          static_cast<u32>(command.first) < RequestFrame::kInlineArguments) [[likely]] {
        key = text_of(bytes, frame.arguments[command.first]);
        note_key(context, pool, key);
        server = pool.shards.route(key, context.prng.next());
        forward(context, client, server, bytes, command, key, owned);
      } else if (place_by_keys(context, client, bytes, frame, command, server, key) ==
                 Placement::found) {
        forward(context, client, server, bytes, command, key, owned);
      }
      return;
    case Route::split_keys:
    case Route::split_pairs:
      if (command.route == Route::split_pairs && frame.argument_count % 2 == 0) {
        reply_wrong_arity(context, client, command);
        return;
      }
      if (pool.backends.size() == 1 ||
          !start_split(context, client, bytes, frame, command, server)) {
        key = text_of(bytes, frame.arguments[1]);
        forward(context, client, server, bytes, command, key, owned);
      }
      return;
    case Route::all_servers:
      if (pool.backends.size() == 1) {
        forward(context, client, 0, bytes, command, key, owned);
      } else {
        start_all(context, client, bytes, command);
      }
      return;
    case Route::scan:
      if (pool.backends.size() == 1) {
        forward(context, client, 0, bytes, command, key, owned);
      } else {
        start_scan(context, client, bytes, frame, command);
      }
      return;
    case Route::any_server:
      forward(context, client, 0, bytes, command, key, owned);
      return;
    case Route::local:
    case Route::container:  // COMMAND without a subcommand
      answer_locally(context, client, bytes, frame, command);
      return;
    case Route::refused:
      reply_error(context, client, refusal_text(command), ClientError::unsupported);
      return;
  }
}

}  // namespace

void dispatch_redis(Context& context, u32 client, std::string_view bytes, const RequestFrame& frame,
                    Block** owned) {
  if (frame.argument_count == 0) return;
  const std::string_view name = text_of(bytes, frame.arguments[0]);
  const CommandSpec* command = resp::find_command(name);
  if (command == nullptr) {
    if (is_http(name)) {
      count_error(context, context.clients[client], ClientError::protocol);
      context.outbox.log(LogLevel::warn,
                         "a client was closed: it speaks HTTP, as a web page does that is "
                         "made to send commands");
      abort_client(context, client);
      return;
    }
    reply_unknown_command(context, client, bytes, frame);
    return;
  }
  if (command->route == Route::container && frame.argument_count > 1) {
    const std::string_view subname = text_of(bytes, frame.arguments[1]);
    const CommandSpec* subcommand = resp::find_subcommand(*command, subname);
    if (subcommand == nullptr) {
      reply_error(context, client,
                  fmt::format("ERR unknown subcommand '{}'. Try {} HELP.", subname.substr(0, 128),
                              upper_case(command->name)));
      return;
    }
    command = subcommand;
  }
  if (!resp::arity_fits(*command, frame.argument_count)) {
    reply_wrong_arity(context, client, *command);
    return;
  }
  if (!is_allowed(context.clients[client], *command)) {
    count_error(context, context.clients[client], ClientError::unauthenticated);
    reply_here(context, client, "-NOAUTH Authentication required.\r\n");
    return;
  }
  route_request(context, client, bytes, frame, *command, owned);
}

}  // namespace ringfold
