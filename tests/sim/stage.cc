#include "stage.h"

#include <algorithm>
#include <numeric>

namespace ringfold::sim {

Stage::Machine::Machine(Universe& universe, Network& network, const RingSimOptions& options,
                        u32 index)
    : ring(universe, network, options, "worker " + std::to_string(index)),
      name("worker " + std::to_string(index)) {}

Stage::~Stage() {
  // In a world that failed nobody knows what state a worker is in: it is left alone, but not lost,
  // so that a leak checker has nothing to say about worlds that were meant to fail.
  static std::vector<std::unique_ptr<Worker>*>& abandoned =
      *new std::vector<std::unique_ptr<Worker>*>;
  for (auto& machine : machines_) {
    if (!universe.failed()) continue;
    abandoned.push_back(new std::unique_ptr<Worker>(std::move(machine->worker)));
  }
}

void Stage::start(const PoolConfig& pool, u32 workers, const RingSimOptions& ring_options) {
  snapshot_.config.pools = {pool};
  snapshot_.config.threads = workers;
  snapshot_.config.memory_limit = memory_limit;
  PoolAddresses addresses;
  addresses.listen = {listen_address()};
  for (u32 i = 0; i < pool.servers.size(); ++i) {
    const bool is_known = is_numeric_host(pool.servers[i].endpoint.host);
    addresses.servers.push_back(is_known ? server_address(i) : Address{});
  }
  snapshot_.addresses = {addresses};
  snapshot_.client_counts = std::vector<std::atomic<u32>>(1);
  stats_.attach(snapshot_);
  for (u32 i = 0; i < workers; ++i) {
    machines_.push_back(std::make_unique<Machine>(universe, network, ring_options, i));
    rings_.push_back(&machines_.back()->ring);
  }
  for (u32 i = 0; i < workers; ++i) {
    Machine& machine = *machines_[i];
    machine.ring.set_neighbours(&rings_);
    WorkerOptions options;
    options.index = i;
    options.seed = universe.dice.number();
    machine.worker =
        std::make_unique<Worker>(snapshot_, machine.ring, machine.control, machine.outbox, options);
    const Expected<void> started = machine.worker->start();
    if (!started) universe.fail(machine.name + " did not start: " + started.error().text);
  }
}

void Stage::take_events(Machine& machine) {
  WorkerEvent event;
  while (machine.events.try_pop(event)) {
    if (event.kind == WorkerEvent::Kind::slow) {
      universe.trace(machine.name + " was slow for", event.slow_words()[3]);
      continue;
    }
    if (event.kind == WorkerEvent::Kind::lookup) {
      ++lookups_asked;
      universe.sights.see(Sight::lookup_asked);
    } else {
      universe.sights.read_log(event.view());
    }
    universe.trace(machine.name + (event.kind == WorkerEvent::Kind::lookup ? " asks" : " logs"),
                   event.view());
  }
}

Stage::Machine* Stage::next_machine() {
  Machine* chosen = nullptr;
  u64 candidates = 0;
  for (auto& machine : machines_) {
    if (machine->finished || !machine->ring.wants_turn()) continue;
    // Each candidate with the same probability, without a list of them.
    if (universe.dice.below(++candidates) == 0) chosen = machine.get();
  }
  return chosen;
}

bool Stage::run_until(Nanos time) {
  universe.interrupted = universe.failed();
  universe.horizon = time;
  while (!universe.interrupted && universe.now() < time) {
    Machine* machine = next_machine();
    if (machine == nullptr) {
      Nanos limit = time;
      for (auto& each : machines_) {
        if (!each->finished) limit = std::min(limit, each->ring.deadline());
      }
      universe.step(limit);
      continue;
    }
    machine->worker->tick();
    take_events(*machine);
    pass_on(*machine);
    if (universe.failed()) break;
    if (machine->worker->finished()) {
      universe.trace(machine->name, "is finished");
      machine->finished = true;
      machine->ring.retire();
      universe.interrupted = true;
    }
  }
  return universe.interrupted;
}

void Stage::drain() {
  universe.trace("stage", "drains");
  send({ControlMessage::Kind::drain});
}

void Stage::cut_off() {
  universe.trace("stage", "cuts the drain off");
  send({ControlMessage::Kind::cut_off});
}

void Stage::set_server_address(u16 server, const Address& address) {
  universe.trace("stage", "moves a server to " + to_string(address));
  send({ControlMessage::Kind::address, 0, server, address});
}

void Stage::send(const ControlMessage& message) {
  for (auto& machine : machines_) {
    if (machine->finished) continue;
    machine->waiting.push_back(message);
    pass_on(*machine);
  }
}

// What finds the ring full goes when the worker has read it, as the supervisor does it.
void Stage::pass_on(Machine& machine) {
  while (!machine.waiting.empty() &&
         machine.control.try_push(ControlMessage(machine.waiting.front()))) {
    machine.waiting.pop_front();
    machine.ring.ring_doorbell();
  }
  constexpr std::size_t kWaitingMax = 64;
  if (machine.waiting.size() > kWaitingMax) {
    universe.fail(machine.name + " does not read its control ring");
  }
}

bool Stage::finished() const {
  return std::all_of(machines_.begin(), machines_.end(),
                     [](const auto& machine) { return machine->finished; });
}

bool Stage::idle() const {
  return std::all_of(machines_.begin(), machines_.end(), [](const auto& machine) {
    const WorkerAccounts accounts = machine->worker->accounts();
    return accounts.clients == 0 && accounts.requests == 0;
  });
}

std::string Stage::left_over() const {
  std::string list;
  for (const auto& machine : machines_) {
    if (machine->finished) continue;
    const WorkerAccounts accounts = machine->worker->accounts();
    const auto note = [&](u64 count, const char* what) {
      if (count == 0) return;
      list += (list.empty() ? "" : ", ") + machine->name + " has " + std::to_string(count) + what;
    };
    note(accounts.clients, " clients");
    note(accounts.requests, " requests");
    note(accounts.blocks, " blocks");
    // One listener; the others are connections to servers.
    const u32 expected = 1 + static_cast<u32>(accounts.backend_connections);
    const u32 open = machine->ring.open_descriptors();
    note(open > expected ? open - expected : 0, " descriptors of nobody");
  }
  return list;
}

u64 Stage::pauses() const {
  u64 count = 0;
  for (const auto& machine : machines_) count += machine->ring.receives_cancelled();
  return count;
}

u64 Stage::requests() const {
  u64 count = 0;
  for (const auto& machine : machines_) count += machine->worker->accounts().requests;
  return count;
}

void Stage::check_nothing_left() {
  check_counts();
  for (auto& machine : machines_) {
    const WorkerAccounts accounts = machine->worker->accounts();
    const auto zero = [&](u64 count, const char* what) {
      if (count != 0) {
        universe.fail(machine->name + " has finished, but left " + std::to_string(count) + " " +
                      what);
      }
    };
    zero(accounts.clients, "clients");
    zero(accounts.requests, "requests");
    zero(accounts.backend_connections, "backend connections");
    zero(accounts.blocks, "blocks");
    zero(accounts.block_bytes, "block bytes");
    zero(machine->ring.operations(), "operations in the kernel");
    zero(machine->ring.buffers_out(), "receive buffers");
    if (universe.failed()) return;
    machine->worker.reset();
    zero(machine->ring.open_descriptors(), "open descriptors");
  }
}

namespace {

u64 sum_of(const std::array<Counter, kCommandGroups>& counts) {
  return std::accumulate(counts.begin(), counts.end(), u64{0},
                         [](u64 sum, const Counter& count) { return sum + count.get(); });
}

u64 count_of(const Histogram& histogram) {
  HistogramCounts counts;
  histogram.read(counts);
  return counts.count();
}

u64 count_of(const std::array<Histogram, kCommandGroups>& histograms) {
  u64 count = 0;
  for (const Histogram& histogram : histograms) count += count_of(histogram);
  return count;
}

}  // namespace

void Stage::check_counts() {
  for (u32 worker = 0; worker < machines_.size(); ++worker) {
    const WorkerBlocks& blocks = snapshot_.stats[worker];
    const RingSim::Traffic& traffic = machines_[worker]->ring.traffic();
    const auto equal = [&](u64 counted, u64 expected, const char* what) {
      if (counted == expected) return;
      universe.fail(machines_[worker]->name + " counts " + std::to_string(counted) + " " + what +
                    ", there were " + std::to_string(expected));
    };
    const PoolStats& pool = *blocks.pools[0].pool;
    u64 bytes_received = pool.bytes_received.get();
    for (const ServerStats* server : blocks.pools[0].servers) {
      bytes_received += server->bytes_received.get();
      equal(server->connections.get(), 0, "open connections");
      equal(server->pending.get(), 0, "pending requests");
      equal(server->unsent.get(), 0, "unsent requests");
      equal(server->unsent_bytes.get(), 0, "unsent bytes");
      equal(count_of(server->waiting), server->replies.get(), "times of waiting");
      equal(count_of(server->serving), server->replies.get(), "times of serving");
      const u64 asked = sum_of(server->requests) + server->resends.get();
      if (server->replies.get() > asked) equal(server->replies.get(), asked, "replies");
    }
    equal(blocks.worker->completions.get(), traffic.completions, "completions");
    equal(blocks.worker->sends.get(), traffic.sends, "sends");
    equal(bytes_received, traffic.bytes_received, "received bytes");
    equal(pool.clients.get(), 0, "clients");
    if (pool.clients_accepted.get() > traffic.accepted) {
      equal(pool.clients_accepted.get(), traffic.accepted, "accepted clients");
    }
    // Every request is answered, or its client left before.
    equal(count_of(pool.latency) + pool.abandoned.get(), sum_of(pool.requests), "ends of requests");
    equal(count_of(pool.writing), count_of(pool.latency), "times of writing");
  }
}

PoolConfig simple_pool(u32 servers) {
  PoolConfig pool;
  pool.name = "pool";
  pool.listen = {Endpoint{"10.0.0.1", 22121, {}}};
  for (u32 i = 0; i < servers; ++i) {
    ServerConfig server;
    server.name = std::string("s").append(std::to_string(i));
    server.endpoint = Endpoint{"10.0.0." + std::to_string(100 + i), 6379, {}};
    pool.servers.push_back(server);
  }
  return pool;
}

}  // namespace ringfold::sim
