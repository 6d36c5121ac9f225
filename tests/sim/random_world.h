// RandomWorld: one simulated world made from a seed: a pool with random settings, random clients,
// toy servers, and the dice that exist in it. run() plays it to its end and says what went wrong.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "random_client.h"
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
};

class RandomWorld {
 public:
  explicit RandomWorld(const WorldOptions& options);
  WorldReport run();

 private:
  void pick_pool();
  void pick_ring();
  void pick_clients();
  void make_redis();
  void make_memcached();
  bool is_memcached() const { return pool_.protocol == Protocol::memcached; }
  ToyServerOptions server_options(u32 index);
  void play();
  bool run_while_busy(Nanos limit);
  bool clients_done() const;
  void probe_all();
  bool probe_round(Nanos limit);
  void check_nothing_broke();
  void end_clients();
  void drain_early();
  void drain();
  void describe();
  void fail_with_clients(const std::string& text);

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
  bool honest_ = false;
  bool big_replies_ = false;
  std::vector<std::unique_ptr<ToyServer>> servers_;
  std::deque<RandomClient> clients_;
  std::string settings_;
};

// Plays the world, and when it fails plays it again with a trace.
[[nodiscard]] WorldReport play_world(const WorldOptions& options);

}  // namespace ringfold::sim
