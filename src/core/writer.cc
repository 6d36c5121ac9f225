#include "core/writer.h"

#include <array>

#include "core/stages.h"

namespace ringfold {

namespace {

template <class Connection>
void send_batch(Context& context, Connection& connection, UserData user_data) {
  std::array<iovec, kFlushIovecsMax> vectors;
  const std::size_t count = connection.out.freeze(vectors, kFlushBytesMax);
  // A send that is taken whole does not end the next wait; what must go on behind it has to ask.
  if (connection.out.size() > connection.out.frozen()) context.wait_is_short = true;
  connection.sending = true;
  ++connection.operations;
  context.stats.sends.add();
  context.ring.send(connection.fd, std::span(vectors).first(count), user_data);
}

}  // namespace

void mark_client_dirty(Context& context, u32 index) {
  Client& client = context.clients[index];
  if (client.dirty) return;
  client.dirty = true;
  context.dirty_clients.push_back(index);
}

void mark_backend_dirty(Context& context, u32 index) {
  BackendConnection& connection = context.connections[index];
  if (connection.dirty) return;
  connection.dirty = true;
  context.dirty_connections.push_back(index);
}

// A list may name a slot that was freed, or freed and taken again, since it was marked: the flag in
// the slot decides.
void flush_dirty(Context& context) {
  for (const u32 index : context.dirty_connections) {
    BackendConnection& connection = context.connections[index];
    if (!connection.dirty) continue;
    connection.dirty = false;
    // Of one that is closed the line was shown when it was.
    if (connection.state == BackendState::closing || connection.state == BackendState::free)
      continue;
    show_line(connection);
    const bool open = connection.state != BackendState::connecting;
    if (!open || connection.sending || connection.out.empty()) continue;
    send_batch(context, connection, {Op::backend_send, connection.generation, index});
    connection.send_times.note(connection.sent_bytes + connection.out.frozen(), context.stamp);
  }
  context.dirty_connections.clear();
  for (const u32 index : context.dirty_clients) {
    Client& client = context.clients[index];
    if (!client.dirty) continue;
    client.dirty = false;
    const bool open = client.state == ClientState::open || client.state == ClientState::draining;
    if (!open || client.sending || client.out.empty()) continue;
    if (client.paused || client.state != ClientState::open) context.wait_is_short = true;
    send_batch(context, client, {Op::client_send, client.generation, index});
    if (client.unwritten.total > 0 && client.out.frozen() == client.out.size()) {
      note_written(context, client);
    }
  }
  context.dirty_clients.clear();
}

}  // namespace ringfold
