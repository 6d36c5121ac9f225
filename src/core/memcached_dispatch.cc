#include "core/memcached_dispatch.h"

#include <fmt/format.h>

#include <array>
#include <string>

#include "core/context.h"
#include "core/error_text.h"
#include "core/memcached_fold.h"
#include "core/stages.h"
#include "core/writer.h"

namespace ringfold {

namespace {

using memcached::CommandRow;
using memcached::Quiet;

// A data block in a block of its own is handed over from this size on; below, copying it behind
// other requests saves a piece.
constexpr std::size_t kTakeOverMin = 16_KiB;

void append_data(Context& context, Batch& batch, std::string_view bytes, const RequestFrame& frame,
                 Block** owned) {
  const std::string_view data = bytes.substr(frame.line_length);
  if (owned == nullptr || data.size() < kTakeOverMin) {
    batch.append(context.blocks, data);
    return;
  }
  Block* block = *owned;
  *owned = nullptr;
  block->end = block->begin + static_cast<u32>(bytes.size());
  block->begin += frame.line_length;
  batch.append_block(block);
}

// What a client hears whose request could not be sent to its server.
std::string refusal_of(Context& context, u16 pool, u32 server, Failure failure,
                       const CommandRow& row) {
  if (is_taken_for_miss(context, pool, failure)) {
    const bool is_get = row.reply == memcached::ReplyShape::values;
    if (is_get || row.command == memcached::Command::mg) {
      count_error(context, pool, server, failure);
      return is_get ? "END\r\n" : "EN\r\n";
    }
  }
  return refusal_line(context, pool, server, failure);
}

void forward(Context& context, u32 client, u32 server, std::string_view bytes,
             const RequestFrame& frame, const CommandRow& row, std::string_view first_key,
             Block** owned) {
  const u16 pool = context.clients[client].pool;
  Failure failure = Failure::none;
  const u32 connection = connection_for(context, pool, server, client, failure);
  const u32 index = connection == kNone ? kNone : take_request(context, RequestKind::single);
  if (index == kNone) {
    if (connection != kNone) failure = Failure::out_of_requests;
    const std::string line = refusal_of(context, pool, server, failure, row);
    const Quiet quiet = memcached::quiet_of(row, bytes, frame);
    if (quiet == Quiet::none || !memcached::is_hidden(quiet, line)) {
      reply_here(context, client, line);
    }
    return;
  }
  const CommandMark mark = mark_of(row);
  start_stages(context, pool, index, mark, first_key);
  context.pools[pool].backends[server].stats->requests[index_of(mark.group)].add();
  enqueue_for_client(context, client, index);
  enqueue_for_backend(context, connection, index);
  Request& request = context.requests[index];
  request.shape = row.reply;
  BackendConnection& to = context.connections[connection];
  // What waits for its connection may have to go elsewhere, each request for itself.
  const bool may_fold = row.command == memcached::Command::get && frame.argument_count == 2 &&
                        to.state == BackendState::ready && context.pools[pool].config->fold_gets;
  const std::string_view key =
      may_fold ? bytes.substr(frame.arguments[1].offset, frame.arguments[1].length)
               : std::string_view();
  mark_backend_dirty(context, connection);
  note_load(context, client, connection);
  if (may_fold && fold_get(context, to, index, key)) return;
  Batch& batch = request_batch(to);
  BatchWriter writer(batch, context.blocks);
  memcached::encode_forward(writer, row, bytes, frame, request.quiet);
  if (row.data_length_at != 0) append_data(context, batch, bytes, frame, owned);
  if (may_fold) start_fold(to, index, key);
}

void answer_here(Context& context, u32 client, std::string_view bytes, const RequestFrame& frame,
                 const CommandRow& row) {
  if (row.command == memcached::Command::quit) {
    drain_client(context, client);
    return;
  }
  if (memcached::quiet_of(row, bytes, frame) != Quiet::none) return;
  switch (row.command) {
    case memcached::Command::version:
      // Client libraries read the number as memcached's, and choose by it what they may send.
      reply_here(context, client, "VERSION 1.6.18\r\n");
      return;
    case memcached::Command::mn:
      // In its turn behind everything asked before, which is what it is for.
      reply_here(context, client, "MN\r\n");
      return;
    default:
      RINGFOLD_ASSERT(row.route == Route::local && row.command == memcached::Command::version);
  }
}

}  // namespace

void dispatch_memcached(Context& context, u32 client, std::string_view bytes,
                        const RequestFrame& frame, const CommandRow& row, Block** owned) {
  Pool& pool = context.pools[context.clients[client].pool];
  // At a line that is too long a server closes the connection, and others share that.
  const bool is_long = frame.line_length > memcached::line_length_max(row);
  if (is_long && row.route != Route::split_keys) {
    count_error(context, context.clients[client], ClientError::command);
    reply_here(context, client, "CLIENT_ERROR ringfold: line of more than 2048 bytes\r\n");
    return;
  }
  u32 server = 0;
  std::string_view first_key;
  if (row.key_at != 0) {
    const Argument& key = frame.arguments[row.key_at];
    first_key = bytes.substr(key.offset, key.length);
  }
  switch (row.route) {
    case Route::by_key: {
      std::array<char, 256> scratch;
      const std::string_view key = memcached::routing_key(row, bytes, frame, scratch);
      note_key(context, pool, key);
      server = pool.shards.route(key, context.prng.next());
      forward(context, client, server, bytes, frame, row, first_key, owned);
      return;
    }
    case Route::split_keys:
      if ((pool.backends.size() == 1 && !is_long) ||
          !start_multi_get(context, client, bytes, frame, row, server)) {
        forward(context, client, server, bytes, frame, row, first_key, owned);
      }
      return;
    case Route::all_servers:
      if (pool.backends.size() == 1) {
        forward(context, client, 0, bytes, frame, row, first_key, owned);
      } else {
        start_on_all_servers(context, client, bytes, frame, row);
      }
      return;
    case Route::local:
      answer_here(context, client, bytes, frame, row);
      return;
    case Route::split_pairs:
    case Route::any_server:
    case Route::scan:
    case Route::container:
    case Route::refused:
      RINGFOLD_ASSERT(row.route ==
                      Route::local);  // the parser answers refused ones, others do not exist
  }
}

}  // namespace ringfold
