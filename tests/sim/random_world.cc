#include "random_world.h"

#include <algorithm>

#include "memcached_tongue.h"
#include "redis_tongue.h"
#include "toy_memcached.h"
#include "toy_redis.h"

namespace ringfold::sim {

namespace {

// Once the faults have stopped, everything ends within this time; the slowest way is a line of
// commands that each wait for a time limit begun before.
constexpr Nanos kSettleTime = 20 * kSecond;
constexpr Nanos kProbeTime = 2 * kSecond;
constexpr u32 kProbeRounds = 40;
constexpr Nanos kQuietTime = 3 * kSecond;  // less than a server connection may be stuck
constexpr Nanos kDrainTime = 10 * kSecond;

template <class T, std::size_t N>
T one_of(Dice& dice, const T (&list)[N]) {
  return list[dice.below(N)];
}

}  // namespace

RandomWorld::RandomWorld(const WorldOptions& options)
    : options_(options),
      stage_(options.seed),
      dice_(stage_.universe.dice),
      server_count_(1 + static_cast<u32>(dice_.below(5))) {
  if (options.trace_lines != 0) {
    stage_.universe.keep_trace(options.trace_lines, options.print_trace);
  }
  // Where the oracle is on trial nothing else may explain an error.
  faulty_ = dice_.chance(2, 3) && options.sabotage == Sabotage::none;
  limited_ = faulty_ && dice_.chance(1, 6);
  honest_ = dice_.chance(1, 3);
  big_replies_ = dice_.chance(1, 12);
  const Protocol drawn = dice_.chance(1, 2) ? Protocol::redis : Protocol::memcached;
  pool_ = simple_pool(server_count_);
  pool_.protocol = options.protocol.value_or(drawn);
  pick_pool();
  is_memcached() ? make_memcached() : make_redis();
  pick_ring();
  pick_clients();
  dice_.pick_freedoms();
  if (faulty_) {
    dice_.pick_faults();
    dice_.pick_client_dice();
  }
  oracle_->permit_errors(faulty_);
  oracle_->limit_requests(pool_.max_request_size);
  describe();
}

void RandomWorld::pick_pool() {
  constexpr const char* kTags[] = {"{}", "{}", "{}", "[]", ""};
  pool_.sharding.hash_tag = one_of(dice_, kTags);
  pool_.sharding.distribution = static_cast<Distribution>(dice_.below(6));
  pool_.sharding.hash = static_cast<HashKind>(dice_.below(13));
  for (ServerConfig& server : pool_.servers) server.weight = 1 + static_cast<u32>(dice_.below(3));
  pool_.server_connections = 1 + static_cast<u32>(dice_.below(3));
  pool_.preconnect = dice_.chance(1, 2);
  constexpr u32 kTimeouts[] = {0, 20, 100, 400};
  // Where nothing is broken, nothing may time out either, however slow the network is.
  pool_.timeout_ms = faulty_ ? one_of(dice_, kTimeouts) : 10'000;
  pool_.connect_timeout_ms = faulty_ ? 20 + static_cast<u32>(dice_.below(200)) : 10'000;
  if (limited_ && dice_.chance(2, 3)) pool_.client_output_limit = 512u << dice_.below(8);
  if (limited_ && dice_.chance(1, 3)) {
    pool_.client_connections = 1 + static_cast<u32>(dice_.below(4));
  }
  if (limited_ && dice_.chance(1, 3)) pool_.max_request_size = 60 + dice_.below(2000);
  traits_.hash_tag = pool_.sharding.hash_tag;
  traits_.distinct_keys = pool_.sharding.distribution == Distribution::random;
  if (dice_.chance(1, 10)) traits_.keys_max = 300;
  if (dice_.chance(1, 10)) traits_.value_max = 20'000;
}

void RandomWorld::make_redis() {
  if (dice_.chance(1, 3)) pool_.password = "geheim";
  if (dice_.chance(1, 3)) pool_.database = 1 + static_cast<u32>(dice_.below(15));
  if (dice_.chance(1, 6)) pool_.client_password = "sesam";
  traits_.database = pool_.database;
  auto oracle = std::make_unique<RedisOracle>(stage_.universe, server_count_);
  tongue_ = std::make_unique<RedisTongue>(*oracle, dice_, traits_);
  for (u32 i = 0; i < server_count_; ++i) {
    servers_.push_back(std::make_unique<ToyRedis>(
        stage_.universe, stage_.network, Stage::server_address(i), *oracle, server_options(i)));
  }
  oracle_ = std::move(oracle);
}

void RandomWorld::make_memcached() {
  pool_.miss_on_error = dice_.chance(1, 3);
  auto oracle = std::make_unique<MemcachedOracle>(stage_.universe, server_count_);
  oracle->permit_misses(pool_.miss_on_error);
  oracle->bind_keys(pool_.sharding.distribution != Distribution::random);
  tongue_ = std::make_unique<MemcachedTongue>(*oracle, dice_, traits_);
  for (u32 i = 0; i < server_count_; ++i) {
    servers_.push_back(std::make_unique<ToyMemcached>(
        stage_.universe, stage_.network, Stage::server_address(i), *oracle, server_options(i)));
  }
  oracle_ = std::move(oracle);
}

void RandomWorld::pick_ring() {
  const bool big = big_replies_ || traits_.value_max > 1000;
  constexpr u32 kSizes[] = {16, 64, 512, 4096, 16 * 1024, 64 * 1024};
  ring_options_.buffer_count = 1u << dice_.below(6);
  ring_options_.buffer_size = kSizes[big ? 3 + dice_.below(3) : dice_.below(6)];
  ring_options_.incremental = dice_.chance(1, 2);
  ring_options_.reuse_descriptors = dice_.chance(3, 4);
  ring_options_.quiet_sends = dice_.chance(3, 4);
  CutPolicy& policy = stage_.network.policy;
  constexpr std::size_t kWindows[] = {64, 1000, 16_KiB, 64_KiB, 256_KiB};
  policy.window = kWindows[big ? 2 + dice_.below(3) : dice_.below(5)];
  policy.byte_by_byte = dice_.chance(1, 20);
  workers_ = dice_.chance(2, 3) ? 1 : 2 + static_cast<u32>(dice_.below(2));
}

void RandomWorld::pick_clients() {
  const u64 count = 1 + dice_.below(dice_.chance(1, 20) ? 20 : 5);
  constexpr u32 kDepths[] = {1, 3, 10, 100};
  constexpr Nanos kPauses[] = {0, 100 * kMicrosecond, 5 * kMillisecond};
  for (u32 i = 1; i <= count; ++i) {
    RandomClientOptions options;
    options.number = i;
    options.commands = 1 + static_cast<u32>(dice_.below(dice_.chance(1, 10) ? 100 : 20));
    options.depth = one_of(dice_, kDepths);
    options.pause_max = one_of(dice_, kPauses);
    options.address = Stage::listen_address();
    options.password = pool_.client_password;
    options.may_be_closed = limited_;
    options.ends_with_quit = dice_.chance(1, 8);
    options.ends_rudely = dice_.chance(1, 12);
    clients_.emplace_back(stage_.universe, stage_.network, *oracle_, *tongue_, options);
  }
}

ToyServerOptions RandomWorld::server_options(u32 index) {
  ToyServerOptions options;
  options.index = index;
  options.password = pool_.password;
  options.database = pool_.database;
  options.honest = honest_;
  options.big_replies = big_replies_;
  options.sabotage = options_.sabotage;
  if (faulty_ && !is_memcached() && dice_.chance(1, 30)) {
    options.refuses_auth = !pool_.password.empty();
    options.refuses_select = !options.refuses_auth && pool_.database != 0;
    handshake_fails_ |= options.refuses_auth || options.refuses_select;
  }
  return options;
}

void RandomWorld::describe() {
  const auto number = [this](const char* name, u64 value) {
    settings_ += std::string(" ") + name + "=" + std::to_string(value);
  };
  settings_ = is_memcached() ? "memcached world" : "redis world";
  number("workers", workers_);
  number("servers", server_count_);
  number("server_connections", pool_.server_connections);
  number("clients", clients_.size());
  settings_ += " distribution=" + std::string(to_string(pool_.sharding.distribution));
  settings_ += " hash=" + std::string(to_string(pool_.sharding.hash));
  settings_ += " hash_tag=" + pool_.sharding.hash_tag;
  number("timeout_ms", pool_.timeout_ms);
  number("connect_timeout_ms", pool_.connect_timeout_ms);
  number("preconnect", pool_.preconnect);
  number("miss_on_error", pool_.miss_on_error);
  number("password", !pool_.password.empty());
  number("client_password", !pool_.client_password.empty());
  number("database", pool_.database);
  number("client_output_limit", pool_.client_output_limit);
  number("client_connections", pool_.client_connections);
  number("max_request_size", pool_.max_request_size);
  number("keys_max", traits_.keys_max);
  number("value_max", traits_.value_max);
  number("buffer_count", ring_options_.buffer_count);
  number("buffer_size", ring_options_.buffer_size);
  number("incremental", ring_options_.incremental);
  number("quiet_sends", ring_options_.quiet_sends);
  number("window", stage_.network.policy.window);
  number("byte_by_byte", stage_.network.policy.byte_by_byte);
  number("honest", honest_);
  number("big_replies", big_replies_);
  number("handshake_fails", handshake_fails_);
  settings_ += "\ndice " + dice_.describe();
}

bool RandomWorld::clients_done() const {
  return std::all_of(clients_.begin(), clients_.end(),
                     [](const RandomClient& client) { return client.done(); });
}

// True when all clients are done before the time.
bool RandomWorld::run_while_busy(Nanos limit) {
  while (!stage_.universe.failed() && !clients_done()) {
    if (stage_.universe.now() >= limit) return false;
    stage_.run_until(limit);
  }
  return clients_done();
}

void RandomWorld::fail_with_clients(const std::string& text) {
  std::string list = text;
  for (const RandomClient& client : clients_) list += "\n  " + client.describe();
  stage_.universe.fail(list);
}

// After the faults: a client that goes on asking gets a server's answer, not an error.
void RandomWorld::probe_all() {
  for (u32 round = 0; round < kProbeRounds && !stage_.universe.failed(); ++round) {
    if (probe_round(stage_.universe.now() + kProbeTime) || handshake_fails_) return;
    const Nanos pause = stage_.universe.now() + 100 * kMillisecond;
    while (!stage_.universe.failed() && stage_.universe.now() < pause) stage_.run_until(pause);
  }
  fail_with_clients("long after the last fault a client still gets errors");
}

bool RandomWorld::probe_round(Nanos limit) {
  std::vector<RandomClient*> asked;
  for (RandomClient& client : clients_) {
    if (!client.can_probe()) continue;
    client.probe();
    asked.push_back(&client);
  }
  const auto waiting = [](const RandomClient* client) {
    return !client->gone() && client->unanswered() != 0;
  };
  while (!stage_.universe.failed() && std::any_of(asked.begin(), asked.end(), waiting)) {
    if (stage_.universe.now() >= limit) {
      // With no time limit of its own a request may wait for ever only if its server does.
      fail_with_clients("no answer long after the last fault");
      return false;
    }
    stage_.run_until(limit);
  }
  return std::all_of(asked.begin(), asked.end(), [](const RandomClient* client) {
    return client->gone() || client->probe_answered();
  });
}

// Where nothing is broken no request is left when all clients are content, also none whose answer
// nobody is meant to see, and no server connection was given up.
void RandomWorld::check_nothing_broke() {
  Universe& universe = stage_.universe;
  for (const auto& server : servers_) {
    if (server->ended_sessions() != 0) {
      return universe.fail("the proxy ended a server connection, but nothing was broken");
    }
  }
  const Nanos limit = universe.now() + kQuietTime;
  while (!universe.failed() && stage_.requests() != 0) {
    if (universe.now() >= limit) return fail_with_clients("a request waits for ever");
    stage_.run_until(limit);
  }
}

void RandomWorld::end_clients() {
  const bool stay = dice_.chance(1, 3);
  for (RandomClient& client : clients_) {
    client.expect_close();
    if (!stay || dice_.chance(1, 2)) client.hang_up();
  }
}

// In the middle of everything. What a worker has taken up it answers; the rest it need not.
void RandomWorld::drain_early() {
  Universe& universe = stage_.universe;
  const Nanos begin = universe.now() + dice_.between(0, 20'000) * kMicrosecond;
  while (!universe.failed() && universe.now() < begin) stage_.run_until(begin);
  if (universe.failed()) return;
  for (RandomClient& client : clients_) client.expect_close();
  stage_.drain();
  drained_ = true;
  // Its time may be over soon: errors are right then, in worlds that have faults.
  if (!faulty_ || !dice_.chance(1, 3)) return;
  const Nanos end = universe.now() + dice_.between(0, 20'000) * kMicrosecond;
  while (!universe.failed() && universe.now() < end) stage_.run_until(end);
  if (universe.failed()) return;
  for (RandomClient& client : clients_) client.expect_cut_off();
  stage_.cut_off();
}

void RandomWorld::drain() {
  Universe& universe = stage_.universe;
  if (dice_.chance(1, 2)) {
    const Nanos pause = universe.now() + dice_.between(0, 20) * kMillisecond;
    while (!universe.failed() && universe.now() < pause) stage_.run_until(pause);
  }
  if (!drained_) stage_.drain();
  const Nanos limit = universe.now() + kDrainTime;
  while (!universe.failed() && !stage_.finished()) {
    if (universe.now() >= limit) return fail_with_clients("a worker does not finish its drain");
    stage_.run_until(limit);
  }
  if (!universe.failed()) stage_.check_nothing_left();
  // What the servers and clients still have to see: every connection's end.
  universe.elapse(kSecond);
  for (const auto& server : servers_) {
    if (!universe.failed() && server->open_sessions() != 0) {
      universe.fail("a server still has a connection when the worker is gone");
    }
  }
}

void RandomWorld::play() {
  Universe& universe = stage_.universe;
  stage_.start(pool_, workers_, ring_options_);
  // A drain may end before sabotage can be noticed.
  if (dice_.chance(1, 6) && options_.sabotage == Sabotage::none) drain_early();
  const Nanos fault_time = faulty_ ? dice_.between(100, 4000) * kMillisecond : kSettleTime;
  run_while_busy(universe.now() + fault_time);
  if (universe.failed()) return;
  universe.trace("world", "has no more faults");
  dice_.stop_faults();
  for (const auto& server : servers_) server->recover();
  if (!run_while_busy(universe.now() + kSettleTime) && !universe.failed()) {
    return fail_with_clients("not everything finishes after the faults have stopped");
  }
  if (!universe.failed() && !drained_) probe_all();
  if (!universe.failed() && !drained_ && !faulty_) check_nothing_broke();
  if (universe.failed()) return;
  end_clients();
  drain();
}

WorldReport RandomWorld::run() {
  play();
  WorldReport report;
  report.failure = stage_.universe.failure();
  report.settings = settings_;
  report.trace = stage_.universe.trace_text();
  report.replies = oracle_->replies();
  report.errors = oracle_->errors();
  report.executions = oracle_->executions();
  for (const auto& server : servers_) report.sabotaged += server->sabotaged();
  report.virtual_time = stage_.universe.now() - kSecond;
  return report;
}

WorldReport play_world(const WorldOptions& options) {
  WorldReport report = RandomWorld(options).run();
  if (report.failure.empty() || options.trace_lines != 0) return report;
  WorldOptions again = options;
  again.trace_lines = 60;
  return RandomWorld(again).run();
}

}  // namespace ringfold::sim
