#include "core/bypass.h"

#include <algorithm>

#include "core/context.h"

namespace ringfold {

namespace {

// What takes about two milliseconds at the speed of loopback or a fast network.
constexpr u64 kLarge = 2_MiB;

constexpr Nanos kIdleMax = 10 * kSecond;

// Something large is on its way, to the server or from it. Not so where a request that was answered
// for being late has not even left: its client may ask again, and must not come first then.
bool is_clogged(const BackendConnection& connection) {
  const u64 unsent = connection.out.size() + connection.queued.size();
  if (announced_bytes(connection) < kLarge && unsent < kLarge) [[likely]]
    return false;
  return connection.expired_count == 0 || unsent == 0;
}

}  // namespace

u32 place_for(const Context& context, const Backend& backend, u32 backend_index, u32 client_index,
              Client& client) {
  const u32 bypass = context.pools[client.pool].config->server_connections;
  const u32 place = client_index % bypass;
  if (client.is_fresh) {
    client.bypassed = kNone;
    const u32 index = backend.connections[place];
    if (index != kNone && is_clogged(context.connections[index])) [[unlikely]] {
      client.bypassed = backend_index;
    }
  }
  return client.bypassed == backend_index ? bypass : place;
}

bool is_bypass(const Context& context, const BackendConnection& connection) {
  return connection.place == context.pools[connection.pool].config->server_connections;
}

Nanos bypass_deadline(const BackendConnection& connection) {
  return std::max(connection.ready_at, connection.last_received) + kIdleMax;
}

}  // namespace ringfold
