// Round: a real worker between perfect clients and perfect servers. In one round every client sends
// all its requests, the worker passes them on in one tick and passes the replies back in the next.
// Rounds are all alike, so what the servers hear in the first is what they are taught to answer.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/mailbox.h"
#include "core/snapshot.h"
#include "core/stats_blocks.h"
#include "core/worker.h"
#include "perfect_ring.h"
#include "ringfold/base/ints.h"
#include "ringfold/config.h"

namespace ringfold::perfect {

enum class Traffic : u8 {
  get,
  set,
  multi_get,  // kMultiKeys keys
};

struct RoundOptions {
  Protocol protocol = Protocol::redis;
  Traffic traffic = Traffic::get;
  u32 clients = 50;
  u32 pipeline = 1;  // requests of each client and round
  u32 servers = 4;
  u32 value_size = 32;
};

class Round {
 public:
  static constexpr u32 kMultiKeys = 10;

  // Connects everybody and teaches the servers. All is checked here, so that rounds need not be.
  explicit Round(const RoundOptions& options);
  ~Round();
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;

  void run();

  // What the ring alone costs in a round: the same calls with nobody between them. The worker
  // misses what happens here, so there can be no run() behind it.
  void run_without_worker();

  u64 requests_a_round() const { return static_cast<u64>(options_.clients) * options_.pipeline; }

  // Whether every client got, byte for byte as far as their number goes, what it is owed for so
  // many rounds, the one of the constructor included.
  [[nodiscard]] bool is_served(u64 rounds);

 private:
  struct Peer {
    int fd = -1;
    std::string bytes;  // what it says in a round, with readable padding
    std::size_t size = 0;
    u64 hears = 0;  // bytes in a round

    std::string_view view() const { return {bytes.data(), size}; }
  };

  void start();
  void connect_clients();
  void teach_servers();
  void check_replies();
  [[nodiscard]] std::string requests_of(u32 client) const;
  [[nodiscard]] std::string replies_to(std::string_view requests) const;

  const RoundOptions options_;
  PerfectRing ring_;
  StatsBlocks stats_;
  Snapshot snapshot_;
  ControlRing control_{8};
  SpscRing<WorkerEvent> events_{64};
  Outbox outbox_{events_, -1};
  std::unique_ptr<Worker> worker_;
  std::vector<Peer> clients_;
  std::vector<Peer> servers_;
};

}  // namespace ringfold::perfect
