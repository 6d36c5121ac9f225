#include "core/pressure.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/context.h"
#include "core/stages.h"

namespace ringfold {

namespace {

// A client with so much output waiting is not read until half of it is gone.
constexpr u64 kOutputHigh = 256_KiB;

// The same when memory is tight.
constexpr u32 kTightRequests = 256;
constexpr u64 kTightOutput = 16_KiB;

// Closing clients that hold less would gain nothing.
constexpr u64 kWorthClosing = 64_KiB;

// The table of requests grows with the longest line there ever was; past so many slots it is given
// back when nobody waits.
constexpr u32 kRequestsKept = 64 * 1024;

u64 unsent_bytes(const BackendConnection& connection) {
  return connection.out.size() + connection.queued.size();
}

const PoolConfig& pool_of(const Context& context, const BackendConnection& connection) {
  return *context.pools[connection.pool].config;
}

// Past 1/divisor of what the line may hold.
bool is_past(const Context& context, const BackendConnection& connection, u32 divisor) {
  const PoolConfig& pool = pool_of(context, connection);
  return connection.pending_count > pool.server_pending_limit / divisor ||
         unsent_bytes(connection) > pool.server_output_limit / divisor;
}

u64 held_bytes(const Context& context, const Client& client) {
  u64 bytes = client.out.size();
  if (client.carry != nullptr) bytes += client.carry->capacity;
  for (u32 index = client.first_request; index != kNone;
       index = context.requests[index].next_in_client) {
    const Block* reply = context.requests[index].reply;
    if (reply != nullptr) bytes += reply->capacity;
  }
  return bytes;
}

void close_worst_client(Context& context, u64& in_use) {
  u32 worst = kNone;
  u64 most = kWorthClosing;
  for (u32 index = 0; index < context.clients.touched(); ++index) {
    const Client& client = context.clients[index];
    if (client.state == ClientState::free || client.state == ClientState::closing) continue;
    const u64 bytes = held_bytes(context, client);
    if (bytes <= most) continue;
    most = bytes;
    worst = index;
  }
  if (worst == kNone) {
    in_use = 0;  // it is not clients that hold the memory
    return;
  }
  context.outbox.log(
      LogLevel::warn,
      fmt::format("pool \"{}\": a client was closed: memory_limit is reached, and it holds most "
                  "({} bytes)",
                  context.pools[context.clients[worst].pool].config->name, most));
  count_error(context, context.clients[worst], ClientError::memory_limit);
  abort_client(context, worst);
  in_use -= std::min(in_use, most);
}

}  // namespace

u64 memory_in_use(const Context& context) {
  return context.blocks.bytes_in_use() + context.requests.used() * u64{sizeof(Request)} +
         context.clients.used() * u64{sizeof(Client)};
}

ClientMarks pause_marks(const Context& context, const Client& client) {
  const u32 requests = client.flow.pipeline_max;
  if (context.pressure == Pressure::none) return {requests, kOutputHigh};
  return {std::min(requests, kTightRequests), kTightOutput};
}

ClientMarks resume_marks(const Context& context, const Client& client) {
  const ClientMarks pause = pause_marks(context, client);
  return {pause.requests / 2, pause.output / 2};
}

void note_reply_bytes(Client& client, u64 count) {
  ReplyFlow& flow = client.flow;
  const u32 answered = flow.asked - client.request_count;
  flow.replies += answered - flow.answered;
  flow.answered = answered;
  flow.bytes += count;
  if (flow.bytes > kClientReplyBytesMax) {
    flow.bytes /= 2;
    flow.replies /= 2;
  }
  const u64 average = flow.bytes / (flow.replies + 1) + 1;
  flow.pipeline_max = static_cast<u32>(
      std::clamp<u64>(kClientReplyBytesMax / average, kClientPipelineMin, kClientPipelineMax));
}

bool is_refused_for_memory(Context& context, const Client& client, u64 request_bytes) {
  if (context.pressure != Pressure::dire) [[likely]]
    return false;
  const bool is_refused = request_bytes > kTightOutput || client.out.size() > kTightOutput ||
                          client.request_count > kTightRequests;
  if (is_refused) count_error(context, client, ClientError::memory);
  return is_refused;
}

bool is_line_full(const Context& context, const BackendConnection& connection) {
  return is_past(context, connection, 1);
}

void note_load(Context& context, u32 client_index, u32 connection_index) {
  BackendConnection& connection = context.connections[connection_index];
  if (!is_past(context, connection, 2)) [[likely]]
    return;
  Client& client = context.clients[client_index];
  if (client.throttled) return;
  client.throttled = true;
  context.pools[client.pool].stats->client_throttles.add();
  connection.throttles = true;
  context.throttled_clients.push_back(client_index);
}

void note_relief(Context& context, BackendConnection& connection) {
  if (!connection.throttles) [[likely]]
    return;
  if (connection.state != BackendState::closing && is_past(context, connection, 4)) return;
  connection.throttles = false;
  context.throttle_ended = true;
}

void keep_limits(Context& context) {
  if (context.throttle_ended) {
    context.throttle_ended = false;
    // Those who wait for another server are throttled again with their next request.
    for (const u32 index : context.throttled_clients) {
      Client& client = context.clients[index];
      client.throttled = false;
      if (client.paused) queue_for_settling(context, index, client);
    }
    context.throttled_clients.clear();
  }
  // Clients that have left are still in it, and others in their slots may be so once more.
  if (context.throttled_clients.size() > context.clients.touched()) {
    std::vector<u32>& throttled = context.throttled_clients;
    std::ranges::sort(throttled);
    throttled.erase(std::unique(throttled.begin(), throttled.end()), throttled.end());
    std::erase_if(throttled, [&](u32 index) { return !context.clients[index].throttled; });
  }
  if (context.requests.touched() > kRequestsKept && context.requests.used() == 0) {
    context.requests.trim();
    context.key_prefixes.trim();
  }
  if (context.memory_share == 0) return;
  u64 in_use = memory_in_use(context);
  const Pressure before = context.pressure;
  context.pressure = in_use > context.memory_share / 10 * 9  ? Pressure::dire
                     : in_use > context.memory_share / 4 * 3 ? Pressure::tight
                                                             : Pressure::none;
  if (context.pressure != Pressure::none && before == Pressure::none) {
    context.outbox.log(LogLevel::warn,
                       fmt::format("memory is tight: {} of {} bytes of this worker's share of "
                                   "memory_limit are in use; clients that hold much are not read",
                                   in_use, context.memory_share));
  }
  while (in_use > context.memory_share) close_worst_client(context, in_use);
}

}  // namespace ringfold
