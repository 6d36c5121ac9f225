// RandomWorld: one simulated world made from a seed: a pool with random settings, random clients,
// toy servers, and the dice that exist in it. run() plays it to its end and says what went wrong.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "random_client.h"
#include "ringfold/base/slab.h"
#include "stage.h"
#include "toy_server.h"

namespace ringfold::sim {

struct WorldOptions {
  u64 seed = 1;
  std::optional<Protocol> protocol;  // nothing: the seed decides
  Sabotage sabotage = Sabotage::none;
  std::size_t trace_lines = 0;
  bool print_trace = false;
};

struct WorldReport {
  std::string failure;  // empty: the world ended well
  std::string settings;
  std::string trace;
  u64 replies = 0;
  u64 errors = 0;      // replies that were the proxy's own
  u64 executions = 0;  // commands the servers executed
  u64 sabotaged = 0;
  Nanos virtual_time = 0;
  std::vector<bool> seen;  // which dice came up, and what was seen: name_of_seen()
};

// What stands at this place of WorldReport::seen.
[[nodiscard]] const char* name_of_seen(std::size_t index);

class RandomWorld final : private MoveListener, private EventTarget {
 public:
  explicit RandomWorld(const WorldOptions& options);
  WorldReport run();

 private:
  void on_moved(u32 server, const Address& address) override;
  void on_event(u32 kind, u64 server) override;
  void on_address(u32 server);

  // random_world_settings.cc
  void pick_pool();
  void pick_trouble();
  void permit_errors();
  bool has_names() const;
  bool has_limits() const;
  bool closes_aloud() const;
  void bind_keys();
  bool keys_move() const;
  void let_move(u32 server);
  void pick_ring();
  void pick_clients();
  void make_redis();
  void make_memcached();
  bool is_memcached() const { return pool_.protocol == Protocol::memcached; }
  ToyServerOptions server_options(u32 index);
  void describe();

  // random_world_reload.cc
  void start_reloads();
  void reload();
  void end_reloads();
  PoolConfig pick_another();

  // random_world.cc
  void play();
  void start_names();
  void end_faults();
  void run_for(Nanos span);
  bool run_while_busy(Nanos limit);
  bool clients_done() const;
  void probe_all();
  bool probe_round(Nanos limit);
  bool wait_for_probes(const std::vector<RandomClient*>& asked, Nanos limit);
  void check_nothing_broke();
  void stop_freedoms();
  void check_forgotten();
  void check_closings();
  void ask_afresh(bool probes_only);
  void serve_again();
  void end_clients();
  void drain_early();
  void drain();
  std::vector<bool> seen() const;
  void fail_with_clients(const std::string& text);

  // Kinds of events.
  static constexpr u32 kAddress = 0;
  static constexpr u32 kReload = 1;

  const WorldOptions options_;
  Stage stage_;
  Dice& dice_;
  const u32 server_count_;
  std::unique_ptr<Oracle> oracle_;
  std::unique_ptr<Tongue> tongue_;
  PoolConfig pool_;
  RingSimOptions ring_options_;
  CommandTraits traits_;
  u32 workers_ = 1;
  bool faulty_ = false;
  bool limited_ = false;  // limits so small that clients may be closed
  bool handshake_fails_ = false;
  bool drained_ = false;
  bool has_line_limits_ = false;    // of servers' lines
  u64 memory_share_ = 0;            // of each worker
  std::vector<Address> addresses_;  // of the servers, as their names say
  bool reloads_ = false;
  bool servers_change_ = false;  // by reloads: they come and go
  u32 reloads_left_ = 0;
  std::vector<u32> place_of_;  // of each server, in the present configuration; kNone: none
  std::vector<Address> told_;  // of the servers: what the workers were told
  bool honest_ = false;
  bool big_replies_ = false;
  std::vector<std::unique_ptr<ToyServer>> servers_;
  std::deque<RandomClient> clients_;
  std::string settings_;
};

// Plays the world, and when it fails plays it again with a trace.
[[nodiscard]] WorldReport play_world(const WorldOptions& options);

}  // namespace ringfold::sim
