// From a client's bytes to whole requests. Requests are parsed where they were received; only an
// incomplete one is copied, into the carry: a block that starts with the parser's progress.
//
//   carry:  [ RequestFrame ][ bytes of one incomplete request ][ room ][ readable padding ]
//
// While a client is paused the carry collects whatever arrives, and is fed again from its start on
// resuming.
#include "core/client_stream.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/context.h"
#include "core/memcached_dispatch.h"
#include "core/redis_dispatch.h"

namespace ringfold {

namespace {

// How much of the following bytes is copied behind an incomplete request whose length is not known
// yet.
constexpr std::size_t kTopUp = 256;

constexpr u32 kCarryHead = sizeof(RequestFrame);
static_assert(kCarryHead % alignof(RequestFrame) == 0);

RequestFrame& carry_frame(Block* carry) {
  return *std::launder(reinterpret_cast<RequestFrame*>(carry->data));
}

Block* append_to_carry(Context& context, Block* carry, std::string_view bytes) {
  carry = context.blocks.grow(carry, bytes.size() + kReadablePadding);
  std::memcpy(carry->data + carry->end, bytes.data(), bytes.size());
  carry->end += static_cast<u32>(bytes.size());
  return carry;
}

Block* start_carry(Context& context, std::string_view bytes, const RequestFrame& frame) {
  Block* carry = context.blocks.take(kCarryHead + bytes.size() + kReadablePadding);
  ::new (static_cast<void*>(carry->data)) RequestFrame(frame);
  carry->begin = kCarryHead;
  carry->end = kCarryHead;
  return append_to_carry(context, carry, bytes);
}

// Bytes of the client's requests that are not answered.
u64 unanswered_bytes(const Context& context, const Client& client) {
  if (client.first_request == kNone) return 0;
  return client.taken_bytes - context.requests[client.first_request].taken_at;
}

// Has had its share of this tick.
bool is_spent(const Context& context, const Client& client) {
  return client.tick == context.tick && client.tick_commands >= kClientCommandsPerTick;
}

bool must_pause(const Context& context, const Client& client) {
  const ClientMarks marks = pause_marks(context, client);
  return client.request_count >= marks.requests || client.out.size() > marks.output ||
         unanswered_bytes(context, client) > kClientRequestBytesMax || client.throttled ||
         is_spent(context, client);
}

bool may_resume(const Context& context, const Client& client) {
  const ClientMarks marks = resume_marks(context, client);
  return client.request_count < marks.requests && client.out.size() <= marks.output &&
         unanswered_bytes(context, client) <= kClientRequestBytesMax / 2 && !client.throttled &&
         !is_spent(context, client);
}

void note_command(const Context& context, Client& client, std::size_t size) {
  client.taken_bytes += static_cast<u32>(size);
  if (client.tick != context.tick) {
    client.tick = context.tick;
    client.tick_commands = 0;
  }
  ++client.tick_commands;
}

// Parses and dispatches the request at the start of bytes, in the client's protocol.
Step take_request_bytes(Context& context, u32 index, std::string_view bytes, RequestFrame& frame,
                        Block** owned, std::size_t& used) {
  Client& client = context.clients[index];
  client.is_fresh = client.request_count == 0;
  const u64 configured = context.pools[client.pool].config->max_request_size;
  const u64 size_max =
      client.authenticated ? configured : std::min(configured, kUnauthenticatedRequestMax);
  switch (client.protocol) {
    case Protocol::redis:
      return take_redis_request(context, index, bytes, size_max, frame, owned, used);
    case Protocol::memcached:
      return take_memcached_request(context, index, bytes, size_max, frame, owned, used);
  }
  return Step::failed;
}

// Completes the request in the carry from the new bytes. Returns how many of them were used.
std::size_t top_up(Context& context, u32 index, std::string_view in) {
  Client& client = context.clients[index];
  Block* carry = client.carry;
  const std::size_t have = carry->size();
  const u64 need = carry_frame(carry).need;
  const std::size_t wanted = need > have ? static_cast<std::size_t>(need) - have : kTopUp;
  const std::size_t given = std::min(in.size(), wanted);
  carry = append_to_carry(context, carry, in.substr(0, given));
  client.carry = nullptr;
  std::size_t used = 0;
  Block* owned = carry;
  RequestFrame& frame = carry_frame(carry);
  const Step step = take_request_bytes(context, index, carry->view(), frame, &owned, used);
  if (step == Step::handled) note_command(context, client, used);
  if (step == Step::incomplete) {
    client.carry = carry;
    return given;
  }
  if (owned != nullptr) context.blocks.give(owned);
  if (step == Step::failed) return in.size();
  RINGFOLD_ASSERT(used > have);
  // A refused request may end behind what has come: the rest is skipped.
  return std::min(used - have, in.size());
}

// Takes requests off bytes until there is no whole one, or the client is paused. Returns how many
// bytes were used; those left over wait for a paused client.
std::size_t take_requests(Context& context, u32 index, std::string_view bytes) {
  Client& client = context.clients[index];
  std::string_view in = bytes;
  while (!in.empty() && client.state == ClientState::open) {
    if (!client.paused && must_pause(context, client)) pause_client(context, index);
    if (client.paused) return bytes.size() - in.size();
    if (client.skip_bytes > 0) {
      const u64 skipped = std::min<u64>(client.skip_bytes, in.size());
      client.skip_bytes -= skipped;
      in.remove_prefix(static_cast<std::size_t>(skipped));
      continue;
    }
    if (client.carry != nullptr) {
      in.remove_prefix(top_up(context, index, in));
      continue;
    }
    RequestFrame frame;
    std::size_t used = 0;
    switch (take_request_bytes(context, index, in, frame, nullptr, used)) {
      case Step::handled:
        note_command(context, client, used);
        in.remove_prefix(used);
        break;
      case Step::incomplete:
        client.carry = start_carry(context, in, frame);
        return bytes.size();
      case Step::failed:
        return bytes.size();
    }
  }
  return bytes.size();
}

}  // namespace

void feed_client(Context& context, u32 index, std::string_view in) {
  Client& client = context.clients[index];
  in.remove_prefix(take_requests(context, index, in));
  if (in.empty()) return;
  client.carry = client.carry == nullptr ? start_carry(context, in, RequestFrame{})
                                         : append_to_carry(context, client.carry, in);
}

void pause_client(Context& context, u32 index) {
  Client& client = context.clients[index];
  client.paused = true;
  if (client.receiving) context.ring.cancel({Op::client_recv, client.generation, index});
  if (!is_spent(context, client)) {
    context.pools[client.pool].stats->client_pauses.add();
    return;
  }
  context.spent_clients.push_back(index);
  context.wait_is_short = true;
}

void resume_client(Context& context, u32 index) {
  Client& client = context.clients[index];
  if (!may_resume(context, client)) return;
  client.paused = false;
  Block* kept = client.carry;
  if (kept == nullptr) return;
  client.carry = nullptr;
  // A paused client's carry holds whole requests to begin with, no parser's progress.
  kept->begin += static_cast<u32>(take_requests(context, index, kept->view()));
  if (kept->size() == 0) {
    context.blocks.give(kept);
    return;
  }
  client.carry = kept;
}

void drop_carry(Context& context, Client& client) {
  if (client.carry != nullptr) context.blocks.give(client.carry);
  client.carry = nullptr;
}

}  // namespace ringfold
