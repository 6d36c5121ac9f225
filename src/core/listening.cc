#include "core/listening.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/context.h"

namespace ringfold {

namespace {

// Accepting is armed again after an error such as EMFILE at the next tick that this brings about.
constexpr Nanos kAcceptRetry = 100 * kMillisecond;

UserData accept_data(u32 pool, u32 listener) {
  return {Op::accept, listener, pool};
}

void close_listener(Context& context, Listener& listener) {
  context.ring.close(listener.fd);
  listener = Listener{};
}

void stop_listener(Context& context, u16 pool, u32 index) {
  Listener& listener = context.pools[pool].listeners[index];
  if (listener.fd < 0 || listener.stopping) return;
  const UserData accepting = accept_data(pool, index);
  // One that waits to be armed again has nothing in the kernel.
  const auto same = [&](UserData stopped) { return stopped.value() == accepting.value(); };
  if (std::erase_if(context.stopped_listeners, same) > 0) {
    close_listener(context, listener);
    return;
  }
  listener.stopping = true;
  context.ring.cancel(accepting);
}

Expected<void> start_listener(Context& context, u16 pool_index, const Address& address,
                              const ListenOptions& options) {
  Pool& pool = context.pools[pool_index];
  const Expected<int> fd = context.ring.listen(address, options);
  if (!fd) return fail(fmt::format("pool \"{}\": {}", pool.config->name, fd.error().text));
  auto place = std::ranges::find(pool.listeners, -1, &Listener::fd);
  if (place == pool.listeners.end()) place = pool.listeners.insert(place, Listener{});
  *place = {*fd, address};
  const u32 listener = static_cast<u32>(place - pool.listeners.begin());
  context.ring.accept(*fd, accept_data(pool_index, listener));
  return {};
}

}  // namespace

Expected<void> follow_listeners(Context& context, u16 pool_index, const PoolAddresses& addresses) {
  Pool& pool = context.pools[pool_index];
  for (u32 index = 0; index < pool.listeners.size(); ++index) {
    const bool is_wanted = std::ranges::find(addresses.listen, pool.listeners[index].address) !=
                           addresses.listen.end();
    if (!is_wanted) stop_listener(context, pool_index, index);
  }
  Expected<void> result;
  for (std::size_t i = 0; i < addresses.listen.size(); ++i) {
    const bool is_open = std::ranges::any_of(pool.listeners, [&](const Listener& listener) {
      return listener.fd >= 0 && !listener.stopping && listener.address == addresses.listen[i];
    });
    if (is_open) continue;
    ListenOptions options = listen_options(*pool.config);
    static const std::vector<int> kOwn = {-1};
    const std::vector<int>& sockets =
        addresses.sockets.empty() ? kOwn : addresses.sockets[i][context.worker_index];
    for (const int socket : sockets) {
      options.shared = socket;
      Expected<void> started = start_listener(context, pool_index, addresses.listen[i], options);
      if (!started && result) result = std::move(started);
    }
  }
  return result;
}

void stop_listeners(Context& context, u16 pool) {
  const u32 count = static_cast<u32>(context.pools[pool].listeners.size());
  for (u32 index = 0; index < count; ++index) stop_listener(context, pool, index);
}

void on_accepted(Context& context, const Completion& completion) {
  const u16 pool_index = static_cast<u16>(completion.user_data.slot());
  Pool& pool = context.pools[pool_index];
  Listener& listener = pool.listeners[completion.user_data.generation()];
  if (completion.result >= 0) {
    accept_client(context, pool_index, completion.result);
  } else if (!listener.stopping) {
    context.outbox.log(LogLevel::warn,
                       fmt::format("pool \"{}\": a client could not be accepted: {}",
                                   pool.config->name, ::strerrordesc_np(-completion.result)));
  }
  if (completion.more) return;
  if (listener.stopping) {
    close_listener(context, listener);
  } else if (completion.result >= 0) {
    context.ring.accept(listener.fd, completion.user_data);
  } else {
    // Out of descriptors, most likely: arming at once would spin.
    context.stopped_listeners.push_back(completion.user_data);
    context.stats.accept_pauses.add();
    context.next_deadline = std::min(context.next_deadline, context.now() + kAcceptRetry);
  }
}

void restart_listeners(Context& context) {
  for (const UserData accepting : context.stopped_listeners) {
    const Listener& listener = context.pools[accepting.slot()].listeners[accepting.generation()];
    context.ring.accept(listener.fd, accepting);
  }
  context.stopped_listeners.clear();
}

bool has_no_listener(const Context& context, u16 pool) {
  return std::ranges::all_of(context.pools[pool].listeners,
                             [](const Listener& listener) { return listener.fd < 0; });
}

}  // namespace ringfold
