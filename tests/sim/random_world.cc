#include "random_world.h"

#include <algorithm>

namespace ringfold::sim {

namespace {

// Once the faults have stopped, everything ends within this time; the slowest way is a line of
// commands that each wait for a time limit begun before.
constexpr Nanos kSettleTime = 20 * kSecond;
constexpr Nanos kProbeTime = 2 * kSecond;
constexpr u32 kProbeRounds = 40;
constexpr Nanos kQuietTime = 3 * kSecond;  // less than a server connection may be stuck
constexpr Nanos kDrainTime = 10 * kSecond;
constexpr Nanos kForgetTime = 5 * kSecond;  // until nothing is left of clients that are gone
// A server that is down is asked for again at least so often (kProbeMax in core/health.cc).
constexpr Nanos kLookAgain = kSecond;

}  // namespace

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
    // In a world that is slow in every way a short timeout may pass for good.
    if (round == kProbeRounds / 2 && pool_.timeout_ms != 0) stop_freedoms();
    if (probe_round(stage_.universe.now() + kProbeTime) || handshake_fails_) return;
    run_for(100 * kMillisecond);
  }
  fail_with_clients("long after the last fault a client still gets errors");
}

bool RandomWorld::probe_round(Nanos limit) {
  bool is_good = true;
  std::vector<RandomClient*> asked;
  for (RandomClient& client : clients_) {
    if (!client.can_probe()) continue;
    client.probe();
    asked.push_back(&client);
    // Together they would run into a limit of their server's line.
    if (!has_line_limits_) continue;
    is_good &= wait_for_probes(asked, limit);
    asked.clear();
  }
  return wait_for_probes(asked, limit) && is_good;
}

bool RandomWorld::wait_for_probes(const std::vector<RandomClient*>& asked, Nanos limit) {
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
    if (server->ended_sessions() != 0 && !reloads_) {
      return universe.fail("the proxy ended a server connection, but nothing was broken");
    }
  }
  const Nanos limit = universe.now() + kQuietTime;
  while (!universe.failed() && stage_.requests() != 0) {
    if (universe.now() >= limit) return fail_with_clients("a request waits for ever");
    stage_.run_until(limit);
  }
}

void RandomWorld::run_for(Nanos span) {
  const Nanos end = stage_.universe.now() + span;
  while (!stage_.universe.failed() && stage_.universe.now() < end) stage_.run_until(end);
}

// Nothing is slow any more.
void RandomWorld::stop_freedoms() {
  dice_.stop_freedoms();
  stage_.network.policy.byte_by_byte = false;
}

// All clients leave, and nothing of theirs is left: no slot, request, memory, descriptor. (A drain
// ends what it finds, so it could not show that something had been forgotten.)
void RandomWorld::check_forgotten() {
  Universe& universe = stage_.universe;
  for (RandomClient& client : clients_) client.hang_up();
  const Nanos limit = universe.now() + kForgetTime;
  std::string left = stage_.left_over();
  while (!universe.failed() && !left.empty()) {
    if (universe.now() >= limit) return universe.fail("all clients are gone, but " + left);
    run_for(10 * kMillisecond);
    left = stage_.left_over();
  }
  universe.sights.see(Sight::emptied);
}

void RandomWorld::ask_afresh(bool probes_only) {
  RandomClientOptions options;
  options.number = static_cast<u32>(clients_.size()) + 1;
  options.commands = 12;
  options.address = Stage::listen_address();
  options.password = pool_.client_password;
  options.may_be_closed = pool_.max_request_size < PoolConfig().max_request_size;
  options.may_be_closed_aloud = closes_aloud();
  options.probes_only = probes_only;
  clients_.emplace_back(stage_.universe, stage_.network, *oracle_, *tongue_, options);
  if (!run_while_busy(stage_.universe.now() + kSettleTime) && !stage_.universe.failed()) {
    fail_with_clients("a client that came after all faults has no answers");
  }
}

// Long enough after the last fault service is whole: every command gets its real reply, and every
// key is where it belongs. Nothing is slow any more either, so that no short timeout explains an
// error.
void RandomWorld::serve_again() {
  stop_freedoms();
  check_forgotten();
  const Nanos retry = pool_.auto_eject_hosts ? pool_.server_retry_timeout_ms * kMillisecond : 0;
  run_for(pool_.connect_timeout_ms * kMillisecond + std::max(kLookAgain, retry) +
          500 * kMillisecond);
  if (handshake_fails_ || stage_.universe.failed()) return;
  bind_keys();
  for (const auto& server : servers_) server->expect_present_address();
  oracle_->error_rules.end_faults();
  oracle_->permit_errors(has_limits());
  ask_afresh(false);
  if (stage_.universe.failed() || stage_.memory_limit != 0 || limited_) return;
  oracle_->error_rules.end_limits();
  oracle_->permit_errors(false);
  ask_afresh(true);
  if (faulty_) stage_.universe.sights.see(Sight::served_again);
}

// A server has moved; who looks its name up learns it sooner or later.
void RandomWorld::on_moved(u32 server, const Address& address) {
  addresses_[server] = address;
  stage_.universe.after(dice_.between(0, 300) * kMillisecond, *this, kAddress, server);
}

void RandomWorld::on_event(u32 kind, u64 server) {
  if (stage_.finished()) return;
  if (kind == kReload) return reload();
  stage_.universe.sights.see(Sight::moved);
  on_address(static_cast<u32>(server));
}

// The supervisor has found the server's address; a server that is not in the present configuration
// gets it with the next one that names it.
void RandomWorld::on_address(u32 server) {
  told_[server] = addresses_[server];
  if (place_of_[server] == kNone) return;
  stage_.set_server_address(static_cast<u16>(place_of_[server]), addresses_[server]);
}

// The names that have no address yet.
void RandomWorld::start_names() {
  for (u32 i = 0; i < server_count_; ++i) {
    if (is_numeric_host(pool_.servers[i].endpoint.host)) continue;
    const bool is_late = dice_.chance(1, 2);
    if (is_late) stage_.universe.sights.see(Sight::address_late);
    stage_.universe.after(is_late ? dice_.between(0, 1000) * kMillisecond : 0, *this, kAddress, i);
  }
}

void RandomWorld::end_faults() {
  stage_.universe.trace("world", "has no more faults");
  dice_.stop_faults();
  end_reloads();
  for (const auto& server : servers_) server->recover();
  if (stage_.finished()) return;
  for (u32 i = 0; i < server_count_; ++i) {
    if (is_numeric_host(pool_.servers[i].endpoint.host)) continue;
    on_address(i);
  }
}

// Each client that was closed without a reason of its own was closed for a limit, and the log says
// so.
void RandomWorld::check_closings() {
  const auto closed =
      std::count_if(clients_.begin(), clients_.end(),
                    [](const RandomClient& client) { return client.was_closed_aloud(); });
  if (static_cast<u64>(closed) <= stage_.universe.sights.closings_logged()) return;
  fail_with_clients(std::to_string(closed) +
                    " clients were closed for a limit, but the log tells of " +
                    std::to_string(stage_.universe.sights.closings_logged()));
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
  run_for(dice_.between(0, 20'000) * kMicrosecond);
  if (universe.failed()) return;
  for (RandomClient& client : clients_) client.expect_close();
  stage_.drain();
  drained_ = true;
  // Its time may be over soon: errors are right then, in worlds that have faults.
  if (!faulty_ || !dice_.chance(1, 3)) return;
  run_for(dice_.between(0, 20'000) * kMicrosecond);
  if (universe.failed()) return;
  for (RandomClient& client : clients_) client.expect_cut_off();
  oracle_->error_rules.permit_fault("had not answered when drain_timeout_ms was over\r\n");
  stage_.cut_off();
}

void RandomWorld::drain() {
  Universe& universe = stage_.universe;
  if (dice_.chance(1, 2)) run_for(dice_.between(0, 20) * kMillisecond);
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
  start_names();
  start_reloads();
  // A drain may end before sabotage can be noticed.
  if (dice_.chance(1, 6) && options_.sabotage == Sabotage::none) drain_early();
  const Nanos fault_time = faulty_ ? dice_.between(100, 4000) * kMillisecond : kSettleTime;
  run_while_busy(universe.now() + fault_time);
  if (universe.failed()) return;
  end_faults();
  if (!run_while_busy(universe.now() + kSettleTime) && !universe.failed()) {
    return fail_with_clients("not everything finishes after the faults have stopped");
  }
  if (!universe.failed() && !drained_) probe_all();
  if (!universe.failed() && !drained_ && !faulty_) check_nothing_broke();
  if (universe.failed()) return;
  const bool pauses_for_lines = has_line_limits_ && stage_.memory_limit == 0 && !limited_;
  if (pauses_for_lines && stage_.pauses() != 0) universe.sights.see(Sight::throttle);
  if (!drained_ && dice_.chance(1, 2)) serve_again();
  if (universe.failed()) return;
  end_clients();
  drain();
  if (!universe.failed()) check_closings();
}

std::vector<bool> RandomWorld::seen() const {
  std::vector<bool> list;
  for (u32 die = 0; die < static_cast<u32>(Die::count); ++die) {
    list.push_back(dice_.hits(static_cast<Die>(die)) != 0);
  }
  for (u32 sight = 0; sight < static_cast<u32>(Sight::count); ++sight) {
    list.push_back(stage_.universe.sights.count(static_cast<Sight>(sight)) != 0);
  }
  return list;
}

const char* name_of_seen(std::size_t index) {
  constexpr std::size_t kDice = static_cast<std::size_t>(Die::count);
  return index < kDice ? name_of(static_cast<Die>(index))
                       : name_of(static_cast<Sight>(index - kDice));
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
  report.seen = seen();
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
