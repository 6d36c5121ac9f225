// How a random world is set up: its pool, its ring, its clients, and what may go wrong in it.
#include <algorithm>
#include <initializer_list>

#include "memcached_tongue.h"
#include "random_world.h"
#include "redis_tongue.h"
#include "toy_memcached.h"
#include "toy_redis.h"

namespace ringfold::sim {

namespace {

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
  if (faulty_) pick_trouble();
  // Sabotage is found out by what the servers know of one another.
  reloads_ = dice_.chance(1, 4) && options.sabotage == Sabotage::none;
  servers_change_ = reloads_ && dice_.chance(3, 4);
  is_memcached() ? make_memcached() : make_redis();
  bind_keys();
  oracle_->keys_move = keys_move();
  if (servers_change_) oracle_->servers_min = 1;
  oracle_->hash_tag = pool_.sharding.hash_tag;
  pick_ring();
  if (memory_share_ != 0) stage_.memory_limit = memory_share_ * workers_;
  pick_clients();
  dice_.pick_freedoms();
  if (faulty_) {
    dice_.pick_faults();
    dice_.pick_client_dice();
  }
  if (has_names() && dice_.chance(1, 2)) dice_.set(Die::server_moves, 60);
  oracle_->permit_errors(faulty_);
  oracle_->limit_requests(pool_.max_request_size);
  if (faulty_) permit_errors();
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

// What a pool does about trouble, and limits that are soon reached.
void RandomWorld::pick_trouble() {
  constexpr u32 kStalls[] = {0, 0, 50, 200, 1000};
  pool_.stall_timeout_ms = one_of(dice_, kStalls);
  if (dice_.chance(1, 2)) {
    pool_.auto_eject_hosts = true;
    pool_.server_failure_limit = 1 + static_cast<u32>(dice_.below(3));
    constexpr u32 kRetries[] = {20, 100, 300, 1500};
    pool_.server_retry_timeout_ms = one_of(dice_, kRetries);
    pool_.on_failure = static_cast<OnFailure>(dice_.below(is_memcached() ? 3 : 2));
  }
  if (dice_.chance(1, 5)) {
    pool_.server_pending_limit = 1 + static_cast<u32>(dice_.below(dice_.chance(1, 2) ? 8 : 60));
    has_line_limits_ = true;
  }
  if (dice_.chance(1, 8)) {
    pool_.server_output_limit = 64u << dice_.below(8);
    has_line_limits_ = true;
  }
  constexpr u32 kIdleTimes[] = {30, 100, 400};
  if (dice_.chance(1, 6)) pool_.client_idle_timeout_ms = one_of(dice_, kIdleTimes);
  if (dice_.chance(1, 8)) {
    memory_share_ = 256_KiB << dice_.below(3);
    big_replies_ = true;
    traits_.value_max = 30'000;
    traits_.long_values = 3;
  }
  if (!dice_.chance(1, 3)) return;
  for (ServerConfig& server : pool_.servers) {
    if (dice_.chance(2, 3)) server.endpoint.host = server.name + ".example";
  }
}

// Which errors the settings and the dice of this world can bring about.
void RandomWorld::permit_errors() {
  ErrorRules& rules = oracle_->error_rules;
  const auto any = [this](std::initializer_list<Die> list) {
    return std::any_of(list.begin(), list.end(), [this](Die die) { return dice_.load(die) != 0; });
  };
  if (has_names()) rules.permit_fault("has a host name without an address\r\n");
  const bool moves = has_names() && any({Die::server_moves});
  if (moves || any({Die::connect_refused, Die::server_dies, Die::server_vanishes})) {
    rules.permit_fault("refused the connection\r\n");
  }
  if (any({Die::connect_fails})) rules.permit_fault("cannot be reached\r\n");
  if (any({Die::socket_fails})) {
    rules.permit_fault("cannot be connected to: no descriptor is free\r\n");
  }
  rules.permit_fault("timed out (no connection within connect_timeout_ms)\r\n");
  if (any({Die::server_closes, Die::server_cuts_reply})) {
    rules.permit_fault("closed the connection\r\n");
  }
  if (moves || any({Die::server_closes, Die::server_cuts_reply, Die::server_resets_before,
                    Die::server_resets_after, Die::server_dies, Die::server_vanishes})) {
    rules.permit_fault("broke the connection\r\n");
  }
  const bool has_timeouts = pool_.timeout_ms != 0 || pool_.stall_timeout_ms != 0;
  if (has_timeouts || moves) rules.permit_fault("timed out\r\n");
  if (handshake_fails_) {
    rules.permit_fault("refused the password: WRONGPASS ");
    rules.permit_fault("refused the database: ERR DB index is out of range\r\n");
  }
  if (pool_.auto_eject_hosts) rules.permit_fault("is ejected: ");
  if (pool_.auto_eject_hosts && pool_.on_failure == OnFailure::rehash) {
    rules.permit_fault(
        "no longer has all keys of the request: a server was ejected or came back\r\n");
  }
  if (!is_memcached()) rules.permit_fault("is not ready: LOADING ");
  if (pool_.client_output_limit < PoolConfig().client_output_limit) {
    rules.permit_limit("sent a reply larger than client_output_limit\r\n");
  }
  if (has_line_limits_) rules.permit_limit("was not asked: too much waits for it already\r\n");
  if (memory_share_ != 0) rules.permit_limit("not taken: memory_limit is nearly reached\r\n", true);
}

bool RandomWorld::has_names() const {
  return std::any_of(pool_.servers.begin(), pool_.servers.end(), [](const ServerConfig& server) {
    return !is_numeric_host(server.endpoint.host);
  });
}

bool RandomWorld::has_limits() const {
  return has_line_limits_ || memory_share_ != 0 || limited_;
}

bool RandomWorld::closes_aloud() const {
  return limited_ || memory_share_ != 0;
}

// Each key has its server from now on, the one it has when all are there (but see
// Oracle::keys_move).
void RandomWorld::bind_keys() {
  if (pool_.sharding.distribution == Distribution::random) return;
  std::vector<ShardServer> servers;
  for (const ServerConfig& server : pool_.servers) {
    servers.push_back({server.name, server.weight, true});
  }
  const auto map = std::make_shared<ShardMap>(ShardMap::build(pool_.sharding, servers));
  oracle_->home_of = [map](std::string_view key) { return map->route(key, 0); };
}

// While a server is ejected, or not in the configuration, its keys may be with others.
bool RandomWorld::keys_move() const {
  if (servers_change_) return true;
  return pool_.auto_eject_hosts && pool_.on_failure == OnFailure::rehash;
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
    let_move(i);
  }
  oracle_ = std::move(oracle);
}

void RandomWorld::make_memcached() {
  pool_.miss_on_error = dice_.chance(1, 3);
  auto oracle = std::make_unique<MemcachedOracle>(stage_.universe, server_count_);
  oracle->permit_misses(pool_.miss_on_error);
  oracle->permit_ejected_misses(pool_.on_failure == OnFailure::miss);
  oracle->bind_keys(!keys_move() && pool_.sharding.distribution != Distribution::random);
  tongue_ = std::make_unique<MemcachedTongue>(*oracle, dice_, traits_);
  for (u32 i = 0; i < server_count_; ++i) {
    servers_.push_back(std::make_unique<ToyMemcached>(
        stage_.universe, stage_.network, Stage::server_address(i), *oracle, server_options(i)));
    let_move(i);
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
  const u64 count = 1 + dice_.below(dice_.chance(1, 20) || memory_share_ != 0 ? 20 : 5);
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
    options.may_be_closed = pool_.max_request_size < PoolConfig().max_request_size;
    options.may_be_closed_aloud = closes_aloud();
    if (pool_.client_idle_timeout_ms != 0) {
      options.idle_timeout = pool_.client_idle_timeout_ms * kMillisecond;
    }
    if (memory_share_ != 0) options.depth = 100;
    options.ends_with_quit = dice_.chance(1, 8);
    options.ends_rudely = dice_.chance(1, 12);
    clients_.emplace_back(stage_.universe, stage_.network, *oracle_, *tongue_, options);
  }
}

// A server that is known by its name may move.
void RandomWorld::let_move(u32 server) {
  addresses_.push_back(Stage::server_address(server));
  place_of_.push_back(server);
  const bool is_known = is_numeric_host(pool_.servers[server].endpoint.host);
  told_.push_back(is_known ? addresses_.back() : Address{});
  if (is_numeric_host(pool_.servers[server].endpoint.host)) return;
  constexpr u32 kSecondHome = 50;
  servers_.back()->let_move(
      *this, {Stage::server_address(server), Stage::server_address(kSecondHome + server),
              Stage::server_address(2 * kSecondHome + server)});
}

ToyServerOptions RandomWorld::server_options(u32 index) {
  ToyServerOptions options;
  options.index = index;
  options.password = pool_.password;
  options.database = pool_.database;
  options.honest = honest_;
  options.big_replies = big_replies_;
  options.sabotage = options_.sabotage;
  options.may_load = faulty_;
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
  number("stall_timeout_ms", pool_.stall_timeout_ms);
  if (pool_.auto_eject_hosts) {
    number("server_failure_limit", pool_.server_failure_limit);
    number("server_retry_timeout_ms", pool_.server_retry_timeout_ms);
    number("on_failure", static_cast<u64>(pool_.on_failure));
  }
  number("server_pending_limit", pool_.server_pending_limit);
  number("server_output_limit", pool_.server_output_limit);
  number("client_idle_timeout_ms", pool_.client_idle_timeout_ms);
  number("memory_limit", stage_.memory_limit);
  for (const ServerConfig& server : pool_.servers) {
    if (!is_numeric_host(server.endpoint.host)) settings_ += " named=" + server.name;
  }
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
  number("reloads", reloads_);
  number("servers_change", servers_change_);
  settings_ += "\ndice " + dice_.describe();
}

}  // namespace ringfold::sim
