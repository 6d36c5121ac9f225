// From requests to a client's bytes: replies leave in the order of the requests, each as soon as
// all before it have left.
#include <fmt/format.h>

#include <cstring>

#include "core/client.h"
#include "core/context.h"
#include "core/fanout.h"
#include "core/stages.h"
#include "core/writer.h"

namespace ringfold {

namespace {

// A held reply of this size changes hands as a block; a smaller one is copied, so that many small
// replies share blocks and one send has few pieces.
constexpr u32 kMoveMin = 4096;

void append_held(Context& context, Batch& out, Block* reply) {
  if (reply->size() >= kMoveMin) {
    out.append_block(reply);
    return;
  }
  out.append(context.blocks, reply->view());
  context.blocks.give(reply);
}

}  // namespace

void release_request_if_done(Context& context, u32 index) {
  Request& request = context.requests[index];
  if (request.in_client || request.in_backend) return;
  if (request.kind == RequestKind::parent && !request.ready) return;  // its last child frees it
  if (request.reply != nullptr) context.blocks.give(request.reply);
  if (request.kind != RequestKind::parent) {
    if (request.folded_keys != nullptr) context.blocks.give(request.folded_keys);
    request.folded_keys = nullptr;
  } else if (request.fanout != nullptr) {
    release_fanout(context, request.fanout);
    request.fanout = nullptr;
  }
  request.reply = nullptr;
  context.requests.release(index);
}

void enqueue_for_client(Context& context, u32 index, u32 request_index) {
  Client& client = context.clients[index];
  Request& request = context.requests[request_index];
  request.client = index;
  request.in_client = true;
  request.next_in_client = kNone;
  if (client.last_request == kNone) {
    client.first_request = request_index;
  } else {
    context.requests[client.last_request].next_in_client = request_index;
  }
  client.last_request = request_index;
  request.taken_at = client.taken_bytes;
  ++client.request_count;
  ++client.flow.asked;
}

void reply_here(Context& context, u32 index, std::string_view reply) {
  Client& client = context.clients[index];
  if (client.request_count == 0) {
    client.out.append(context.blocks, reply);
    client_output_grew(context, index);
    return;
  }
  const u32 request_index = take_request(context, RequestKind::local);
  if (request_index == kNone) {
    count_error(context, client, ClientError::no_request_slot);
    abort_client(context, index);
    return;
  }
  Request& request = context.requests[request_index];
  request.reply = context.blocks.take(reply.size() + kReadablePadding);
  std::memcpy(request.reply->data, reply.data(), reply.size());
  request.reply->end = static_cast<u32>(reply.size());
  request.ready = true;
  enqueue_for_client(context, index, request_index);
}

void deliver_replies(Context& context, u32 index) {
  Client& client = context.clients[index];
  while (client.first_request != kNone) {
    const u32 request_index = client.first_request;
    Request& request = context.requests[request_index];
    if (!request.ready) {
      // A large reply that was held back by its turn goes on its way as far as it has come.
      if (request.reply != nullptr && request.reply->size() >= kCutThroughMin &&
          request.kind == RequestKind::single) {
        client.out.append_block(request.reply);
        request.reply = nullptr;
        request.streaming = true;
      }
      break;
    }
    client.first_request = request.next_in_client;
    if (client.first_request == kNone) client.last_request = kNone;
    --client.request_count;
    request.in_client = false;
    const u64 size_before = client.out.size();
    if (request.kind == RequestKind::parent) {
      merge_replies(context, request, client.out);
    } else if (request.reply != nullptr) {
      append_held(context, client.out, request.reply);
      request.reply = nullptr;
    }
    if (request.kind != RequestKind::local) {
      note_delivered(context, client, request_index, client.out.size() - size_before);
    }
    release_request_if_done(context, request_index);
  }
  client_output_grew(context, index);
}

void client_output_grew(Context& context, u32 index) {
  Client& client = context.clients[index];
  const Pool& pool = context.pools[client.pool];
  if (client.out.size() > pool.config->client_output_limit) {
    count_error(context, client, ClientError::output_limit);
    context.outbox.log(LogLevel::warn,
                       fmt::format("pool \"{}\": a client was closed: it let more than "
                                   "client_output_limit ({} bytes) pile up",
                                   pool.config->name, pool.config->client_output_limit));
    abort_client(context, index);
    return;
  }
  note_active(context, client);
  if (!client.out.empty()) mark_client_dirty(context, index);
  if (client.paused || client.state != ClientState::open)
    queue_for_settling(context, index, client);
}

}  // namespace ringfold
