// Stage: what scripts and random worlds stand on: one universe, one network, and workers of the
// product with a RingSim each, all on one thread. It decides whose turn it is.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/mailbox.h"
#include "core/snapshot.h"
#include "core/stats_blocks.h"
#include "core/worker.h"
#include "network.h"
#include "ring_sim.h"
#include "universe.h"

namespace ringfold::sim {

class Stage {
 public:
  explicit Stage(u64 seed) : universe(seed), network(universe) {}
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Addresses of the one pool: where its proxy listens, where its servers are.
  static Address listen_address() { return virtual_address(1, 22121); }
  static Address server_address(u32 index) {
    return virtual_address(static_cast<u8>(100 + index), 6379);
  }

  // Makes the snapshot of one pool and starts the workers. Servers whose host is a name start
  // without an address.
  void start(const PoolConfig& pool, u32 workers, const RingSimOptions& ring_options);

  // Lets everybody act until something interrupts (true), or until the time (false).
  bool run_until(Nanos time);

  void drain();
  void cut_off();  // behind drain(): its time is over
  // The server's name has another address, as the supervisor says it.
  void set_server_address(u16 server, const Address& address);
  bool finished() const;

  // After a drain: nothing may be left anywhere. Ends the workers.
  void check_nothing_left();

  // After a drain: what the workers have counted adds up, and is what the rings have seen.
  void check_counts();

  // The same while the workers live: no client and no request. True when so.
  bool idle() const;

  // What is left while the workers live, when no client does: clients, requests, memory,
  // descriptors. Empty: nothing.
  std::string left_over() const;

  // How often a client was stopped being read.
  u64 pauses() const;

  // Requests that wait for something, in all workers.
  u64 requests() const;

  Universe universe;
  Network network;
  u32 lookups_asked = 0;  // by all workers, since the start
  u64 memory_limit = 0;   // of all workers together, before start(); 0: none

 private:
  struct Machine {
    Machine(Universe& universe, Network& network, const RingSimOptions& options, u32 index);
    RingSim ring;
    ControlRing control{8};
    std::deque<ControlMessage> waiting;  // for room in it
    SpscRing<WorkerEvent> events{64};
    Outbox outbox{events, -1};
    std::unique_ptr<Worker> worker;
    std::string name;
    bool finished = false;
  };

  void send(const ControlMessage& message);
  void pass_on(Machine& machine);
  Machine* next_machine();
  void take_events(Machine& machine);

  StatsBlocks stats_;
  Snapshot snapshot_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<RingSim*> rings_;
};

// A pool with `servers` servers named s0, s1, ... and everything else at its default.
[[nodiscard]] PoolConfig simple_pool(u32 servers);

}  // namespace ringfold::sim
