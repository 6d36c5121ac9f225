#include "script.h"

namespace ringfold::sim {

void ScriptPeer::on_arrival(End& arrived) {
  if (!reading) return;
  unread.append(arrived.arrived());
  arrived.consume(arrived.arrived().size());
  universe.interrupted = true;
}

void Script::Backend::on_incoming(End& end) {
  ScriptPeer& peer = connections.emplace_back(universe);
  peer.end = &end;
  end.owner = &peer;
  universe.interrupted = true;
}

Script::Backend& Script::backend_at(u32 index) {
  while (backends_.size() <= index) backends_.emplace_back(stage.universe);
  return backends_[index];
}

void Script::wrong(int line, const std::string& text) {
  stage.universe.fail("line " + std::to_string(line) + ": " + text);
}

void Script::start(u32 servers, int line) {
  const PoolConfig simple = simple_pool(servers);
  pool.name = simple.name;
  pool.listen = simple.listen;
  pool.servers = simple.servers;
  for (const u32 i : named) pool.servers[i].endpoint.host = "a.name";
  std::vector<ShardServer> shard_servers;
  for (u32 i = 0; i < servers; ++i) {
    shard_servers.push_back({pool.servers[i].name, pool.servers[i].weight, true});
    stage.network.listen(Stage::server_address(i), backend_at(i));
  }
  shards_ = std::make_unique<ShardMap>(ShardMap::build(pool.sharding, shard_servers));
  started_ = true;
  stage.start(pool, 1, {});
  if (stage.universe.failed()) wrong(line, "the worker did not start");
}

std::string Script::key(u32 server, u32 n) const {
  for (u32 i = 0;; ++i) {
    std::string key = std::string("k").append(std::to_string(i));
    if (shards_->route(key, 0) == server && n-- == 0) return key;
  }
}

template <class Condition>
bool Script::wait_for(Condition condition, Nanos patience) {
  Universe& universe = stage.universe;
  const Nanos limit = universe.now() + patience;
  while (!universe.failed() && !condition()) {
    if (universe.now() >= limit) return false;
    stage.run_until(limit);
  }
  return !universe.failed();
}

void Script::advance(u32 milliseconds) {
  wait_for([] { return false; }, milliseconds * kMillisecond);
}

void Script::moves(u32 server, u32 to) {
  const Address address = Stage::server_address(to);
  if (!stage.network.has_listener(address)) stage.network.listen(address, backend_at(to));
  stage.set_server_address(static_cast<u16>(server), address);
}

void Script::reloads() {
  std::vector<Address> servers;
  for (const ServerConfig& server : pool.servers) {
    // A server's number stands in its host.
    u32 index = 0;
    while (simple_pool(index + 1).servers.back().endpoint != server.endpoint) ++index;
    servers.push_back(Stage::server_address(index));
    if (!stage.network.has_listener(servers.back()))
      stage.network.listen(servers.back(), backend_at(index));
  }
  stage.reload(pool, servers);
}

void Script::asked_for_lookup(u32 times, int line) {
  if (!wait_for([&] { return stage.lookups_asked >= times; }, kQuiet) ||
      stage.lookups_asked != times) {
    wrong(line, "the workers have asked for " + std::to_string(stage.lookups_asked) +
                    " lookups, not " + std::to_string(times));
  }
}

void Script::finishes(int line) {
  if (!wait_for([this] { return stage.finished(); })) wrong(line, "the drain is not complete");
}

// Fails at the first byte that differs; does not wait for the rest then.
void Script::hear(ScriptPeer& peer, const std::string& who, std::string_view bytes, int line) {
  const auto differs = [&] {
    const std::size_t common = std::min(bytes.size(), peer.unread.size());
    return std::string_view(peer.unread).substr(0, common) != bytes.substr(0, common);
  };
  const bool done =
      wait_for([&] { return peer.unread.size() >= bytes.size() || differs() || peer.over(); });
  if (stage.universe.failed()) return;
  if (!done || differs() || peer.unread.size() < bytes.size()) {
    return wrong(line, who + " hears " + printable(peer.unread) +
                           (peer.over() ? ", the end," : "") + " where it should hear " +
                           printable(bytes));
  }
  peer.unread.erase(0, bytes.size());
}

// What every script has to end in.
void Script::end() {
  Universe& universe = stage.universe;
  if (universe.failed()) return;
  for (ScriptPeer& client : clients_) {
    if (client.end != nullptr) client.end->close();
  }
  if (!wait_for([this] { return stage.finished() || stage.idle(); }, 10 * kSecond)) {
    return wrong(0, "clients or requests are left when all clients have hung up");
  }
  if (!stage.finished()) stage.drain();
  if (!wait_for([this] { return stage.finished(); }, 10 * kSecond)) {
    return wrong(0, "the worker does not finish its drain");
  }
  stage.check_nothing_left();
}

ScriptPeer& ClientSteps::peer(int line) {
  while (script_.clients_.size() <= index_) script_.clients_.emplace_back(script_.stage.universe);
  ScriptPeer& peer = script_.clients_[index_];
  if (peer.end == nullptr) {
    peer.end = script_.stage.network.dial(Stage::listen_address(), peer, 0);
    if (peer.end == nullptr) {
      peer.end = &script_.stage.network.pair().end(0);
      script_.wrong(line, "nobody listens for clients");
    }
  }
  return peer;
}

void ClientSteps::connects(int line) {
  peer(line);
}

void ClientSteps::says(std::string_view bytes, int line) {
  if (script_.stage.universe.failed()) return;
  script_.stage.universe.trace("client " + std::to_string(index_), "says", bytes);
  peer(line).end->write(bytes);
}

void ClientSteps::hears(std::string_view bytes, int line) {
  if (script_.stage.universe.failed()) return;
  script_.hear(peer(line), "client " + std::to_string(index_), bytes, line);
}

void ClientSteps::hears_error(std::string_view text, int line) {
  const bool is_redis = script_.pool.protocol == Protocol::redis;
  hears_line(is_redis ? "-ERR ringfold: " : "SERVER_ERROR ringfold: ", text, line);
}

void ClientSteps::hears_line(std::string_view begin, std::string_view text, int line) {
  if (script_.stage.universe.failed()) return;
  ScriptPeer& client = peer(line);
  const auto end = [&] { return client.unread.find("\r\n"); };
  script_.wait_for([&] { return end() != std::string::npos || client.over(); });
  if (script_.stage.universe.failed()) return;
  const std::string heard = client.unread.substr(0, end());
  if (end() == std::string::npos || !heard.starts_with(begin) ||
      heard.find(text) == std::string::npos) {
    return script_.wrong(line, "client " + std::to_string(index_) + " hears " + printable(heard) +
                                   " where it should hear " + printable(begin) + " with " +
                                   printable(text));
  }
  client.unread.erase(0, end() + 2);
}

void ClientSteps::hears_somewhere(std::string_view text, int line) {
  ScriptPeer& client = peer(line);
  if (!script_.wait_for([&] { return client.unread.find(text) != std::string::npos; })) {
    script_.wrong(line, "client " + std::to_string(index_) + " hears " + printable(client.unread) +
                            ", nowhere " + printable(text));
  }
  script_.wait_for([] { return false; }, Script::kQuiet);
  client.unread.clear();
}

void ClientSteps::hears_nothing(int line) {
  ScriptPeer& client = peer(line);
  if (script_.wait_for([&] { return !client.unread.empty() || client.over(); }, Script::kQuiet)) {
    script_.wrong(line, "client " + std::to_string(index_) + " should hear nothing, but hears " +
                            printable(client.unread));
  }
}

void ClientSteps::hears_close(int line) {
  ScriptPeer& client = peer(line);
  if (!script_.wait_for([&] { return client.over(); }) || !client.unread.empty()) {
    return script_.wrong(line, "client " + std::to_string(index_) +
                                   " should hear nothing but the end, and hears " +
                                   printable(client.unread));
  }
  client.end->close();
}

void ClientSteps::stops_reading() {
  peer(0).reading = false;
}

void ClientSteps::goes_on_reading() {
  ScriptPeer& client = peer(0);
  client.reading = true;
  client.on_arrival(*client.end);
}

void ClientSteps::closes() {
  peer(0).end->close();
}

void ClientSteps::resets() {
  peer(0).end->reset(false);
}

void ClientSteps::half_closes() {
  peer(0).end->shutdown();
}

// The connection of the last hears(), or the newest.
ScriptPeer* BackendSteps::current(int line) {
  Script::Backend& backend = script_.backend_at(index_);
  if (backend.current != nullptr && !backend.current->end->closed()) return backend.current;
  if (script_.wait_for([&] { return !backend.connections.empty(); })) {
    return &backend.connections.back();
  }
  script_.wrong(line, "backend " + std::to_string(index_) + " was never connected");
  return nullptr;
}

void BackendSteps::hears(std::string_view bytes, int line) {
  Script::Backend& backend = script_.backend_at(index_);
  const auto speaking = [&]() -> ScriptPeer* {
    for (ScriptPeer& peer : backend.connections) {
      if (!peer.unread.empty() && !peer.end->closed()) return &peer;
    }
    return nullptr;
  };
  if (!script_.wait_for([&] { return speaking() != nullptr; })) {
    return script_.wrong(line, "backend " + std::to_string(index_) +
                                   " hears nothing where it should hear " + printable(bytes));
  }
  backend.current = speaking();
  script_.hear(*backend.current, "backend " + std::to_string(index_), bytes, line);
}

void BackendSteps::hears_nothing(int line) {
  Script::Backend& backend = script_.backend_at(index_);
  const auto heard = [&]() -> const ScriptPeer* {
    for (const ScriptPeer& peer : backend.connections) {
      if (!peer.unread.empty() && !peer.end->closed()) return &peer;
    }
    return nullptr;
  };
  if (script_.wait_for([&] { return heard() != nullptr; }, Script::kQuiet)) {
    script_.wrong(line, "backend " + std::to_string(index_) + " should hear nothing, but hears " +
                            printable(heard()->unread));
  }
}

void BackendSteps::hears_close(int line) {
  ScriptPeer* peer = current(line);
  if (peer == nullptr) return;
  if (!script_.wait_for([&] { return peer->over(); })) {
    script_.wrong(line, "backend " + std::to_string(index_) + " should see the end");
  }
  peer->end->close();
}

void BackendSteps::is_connected(u32 times, int line) {
  Script::Backend& backend = script_.backend_at(index_);
  if (!script_.wait_for([&] { return backend.connections.size() >= times; }) ||
      backend.connections.size() != times) {
    script_.wrong(line, "backend " + std::to_string(index_) + " was connected " +
                            std::to_string(backend.connections.size()) + " times, not " +
                            std::to_string(times));
  }
}

void BackendSteps::says(std::string_view bytes, int line) {
  ScriptPeer* peer = current(line);
  if (peer == nullptr) return;
  script_.stage.universe.trace("backend " + std::to_string(index_), "says", bytes);
  peer->end->write(bytes);
}

void BackendSteps::closes() {
  if (ScriptPeer* peer = current(0)) peer->end->close();
}

void BackendSteps::resets() {
  if (ScriptPeer* peer = current(0)) peer->end->reset(false);
}

void BackendSteps::refuses() {
  script_.stage.network.set_reach(Stage::server_address(index_), Reach::refusing);
}

void BackendSteps::is_silent() {
  script_.stage.network.set_reach(Stage::server_address(index_), Reach::silent);
}

void BackendSteps::accepts() {
  script_.stage.network.set_reach(Stage::server_address(index_), Reach::open);
}

}  // namespace ringfold::sim
