#include "app/supervisor.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "app/admin/admin_endpoint.h"
#include "app/all_signals_blocked.h"
#include "app/build_snapshot.h"
#include "app/endpoint.h"
#include "app/io_choice.h"
#include "app/listeners.h"
#include "app/log.h"
#include "app/log_limiter.h"
#include "app/names.h"
#include "app/owned_fd.h"
#include "app/poll_time.h"
#include "app/service_manager.h"
#include "app/stats_registry.h"
#include "app/test_ring.h"
#include "app/worker_thread.h"

namespace ringfold {
namespace {

using Phase = WorkerThread::Phase;

// Names are waited for so long at the start. A name server that answers does so in milliseconds;
// one that does not shall not keep the other servers' clients waiting.
constexpr Nanos kFirstRoundMax = 3 * kSecond;

// A worker whose control ring is full is looked at again after this.
constexpr Nanos kFlushRetry = 10 * kMillisecond;

class Supervisor {
 public:
  Supervisor(Log& log, const Snapshot& snapshot, const IoChoice& io, Listeners& listeners,
             Names& names, StatsRegistry& stats, AdminEndpoint& admin)
      : log_(log),
        snapshot_(snapshot),
        io_(io),
        listeners_(listeners),
        names_(names),
        stats_(stats),
        admin_(admin) {}

  Expected<int> run();

 private:
  Expected<void> open_descriptors();
  void start_worker(u32 index);
  void start_threads();
  void start_workers();
  void wait_for_events();
  Nanos next_deadline(Nanos now) const;
  void take_events();
  void log_event(u32 worker, const WorkerEvent& event);
  void log_what_was_left_out(Nanos now);
  void follow_names();
  void tell(const ControlMessage& message);
  void take_admin_requests();
  void ask_for_reload_by(u64 ticket);
  void answer_reloads(const AdminAnswer& answer);
  void set_log_level(LogLevel level);
  std::vector<u32> nudge_workers();
  void take_signals();
  void on_signal(int number);
  void on_stop_signal(int number);
  void drain();
  void cut_off_if_due();
  void look_at_phases();
  bool any_in(Phase phase) const;
  bool all_ended() const;
  void log_ready();

  Log& log_;
  const Snapshot& snapshot_;
  IoChoice io_;
  Listeners& listeners_;
  Names& names_;
  StatsRegistry& stats_;
  AdminEndpoint& admin_;
  std::vector<u64> reload_tickets_;  // of those at the admin endpoint who wait for a reload
  LogLimiter limiter_;
  std::optional<OwnedFd> signals_;
  std::optional<OwnedFd> wake_;
  std::optional<RingGate> gate_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  bool is_ready_ = false;   // all workers have started
  bool is_flushed_ = true;  // every running worker has what it was sent
  bool is_draining_ = false;
  Nanos cut_off_at_ = kNever;           // the drain is given so long
  int stop_signal_ = 0;                 // the first SIGTERM or SIGINT
  std::optional<std::string> failure_;  // of the first worker that could not start
};

Expected<int> Supervisor::run() {
  if (auto opened = open_descriptors(); !opened) return tl::unexpected(opened.error());
  start_workers();
  while (!all_ended()) wait_for_events();
  take_events();
  log_what_was_left_out(kNever);
  workers_.clear();
  listeners_.close_and_remove();
  if (failure_) return fail(std::move(*failure_));
  log_.write(LogLevel::info, "stopped");
  return 0;
}

Expected<void> Supervisor::open_descriptors() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set, number);
  // Before the first thread: all of them inherit it, so that signals come through the descriptor.
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A peer that is gone is an error of the send, not a signal.
  ::signal(SIGPIPE, SIG_IGN);
  signals_.emplace(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  wake_.emplace(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (signals_->get() < 0 || wake_->get() < 0) {
    return fail(fmt::format("cannot open a signalfd and an eventfd: {}", std::strerror(errno)));
  }
  return {};
}

u64 random_seed() {
  u64 seed = 0;
  // Never fails for so few bytes once the machine has booted; a seed of zero would be harmless.
  [[maybe_unused]] const ssize_t size = ::getrandom(&seed, sizeof seed, 0);
  return seed;
}

void Supervisor::start_worker(u32 index) {
  workers_.push_back(std::make_unique<WorkerThread>(
      WorkerThread::Inputs{snapshot_,
                           io_,
                           *gate_,
                           listeners_.shared(),
                           wake_->get(),
                           {.index = index, .seed = random_seed()}}));
}

void Supervisor::start_threads() {
  gate_.emplace(snapshot_.config.threads);
  const AllSignalsBlocked blocked;
  try {
    for (u32 index = 0; index < snapshot_.config.threads; ++index) start_worker(index);
  } catch (const std::system_error& error) {
    // The standard library reports a thread the kernel refuses in no other way.
    failure_ = fmt::format(
        "cannot start worker {}: {}; lower threads or raise the limit on processes (ulimit -u)",
        workers_.size(), error.what());
    gate_->excuse(snapshot_.config.threads - workers_.size());
    drain();
  }
}

// Nobody listens before all have their rings. So when one cannot be opened although the probe could
// open a small one, all may still take the other kind, and no client will notice.
void Supervisor::start_workers() {
  start_threads();
  const std::string* const refusal = gate_->await();
  if (refusal != nullptr && io_.may_change && !failure_) {
    for (const auto& worker : workers_) worker->await_start();
    workers_.clear();
    fall_back(io_, *refusal);
    start_threads();
  }
  stats_.set_io(io_.is_epoll ? "epoll" : "io_uring");
  log_.write(io_.refusal.empty() ? LogLevel::info : LogLevel::warn, describe(io_));
}

void Supervisor::wait_for_events() {
  // Nobody is to be told of new addresses any more once the process ends.
  pollfd polled[] = {{signals_->get(), POLLIN, 0},
                     {wake_->get(), POLLIN, 0},
                     {is_draining_ ? -1 : names_.fd(), POLLIN, 0},
                     {admin_.requests().fd(), POLLIN, 0}};
  const Nanos before = monotonic_now();
  const int timeout = poll_timeout(next_deadline(before), before);
  if (::poll(polled, std::size(polled), timeout) < 0) return;  // EINTR: a debugger, for example
  u64 count = 0;
  // Emptied before the rings are: what comes behind wakes again.
  [[maybe_unused]] const ssize_t size = ::read(wake_->get(), &count, sizeof count);
  take_events();
  look_at_phases();
  take_signals();
  take_admin_requests();
  log_what_was_left_out(monotonic_now());
  if (!is_draining_) follow_names();
  cut_off_if_due();
  is_flushed_ = true;
  for (const auto& worker : workers_) is_flushed_ &= worker->flush();
}

Nanos Supervisor::next_deadline(Nanos now) const {
  const Nanos due = std::min(is_draining_ ? cut_off_at_ : names_.due(), limiter_.due());
  return is_flushed_ ? due : std::min(due, now + kFlushRetry);
}

void Supervisor::take_events() {
  WorkerEvent event;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    while (workers_[i]->try_pop(event)) {
      if (event.kind == WorkerEvent::Kind::lookup) {
        names_.ask(event.pool, event.server, monotonic_now());
      } else if (event.kind == WorkerEvent::Kind::slow) {
        stats_.add_slow(static_cast<u32>(i), event);
      } else {
        log_event(static_cast<u32>(i), event);
      }
    }
  }
}

void Supervisor::log_event(u32 worker, const WorkerEvent& event) {
  if (limiter_.admit(event.level, event.view(), monotonic_now()))
    log_.write({event.level, event.view(), worker});
}

void Supervisor::log_what_was_left_out(Nanos now) {
  for (const LogLimiter::Summary& summary : limiter_.take_summaries(now))
    log_.write(summary.level, summary.text);
}

void Supervisor::follow_names() {
  const NameNews news = names_.follow(monotonic_now());
  for (const NameNote& note : news.notes) log_.write(note.level, note.text);
  for (const AddressChange& change : news.changes) {
    tell({ControlMessage::Kind::address, change.pool, change.server, change.address});
  }
}

void Supervisor::tell(const ControlMessage& message) {
  for (const auto& worker : workers_) worker->send(message);
}

void Supervisor::look_at_phases() {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i]->phase() != Phase::failed || failure_) continue;
    failure_ = workers_[i]->failure();
    drain();
  }
  if (!is_ready_ && !is_draining_ && !any_in(Phase::starting)) log_ready();
  // A worker that is starting may be duplicating a shared listener at this moment.
  if (is_draining_ && !any_in(Phase::starting)) listeners_.close_and_remove();
}

bool Supervisor::any_in(Phase phase) const {
  return std::ranges::any_of(workers_,
                             [phase](const auto& worker) { return worker->phase() == phase; });
}

bool Supervisor::all_ended() const {
  return !any_in(Phase::starting) && !any_in(Phase::running);
}

void Supervisor::log_ready() {
  is_ready_ = true;
  admin_.state().set_phase(AdminState::Phase::ready);
  for (const PoolConfig& pool : snapshot_.config.pools) {
    for (const Endpoint& endpoint : pool.listen) {
      log_.write(LogLevel::info, fmt::format("pool {}: listening on {}, {} {}", shown(pool.name),
                                             to_string(endpoint), pool.servers.size(),
                                             pool.servers.size() == 1 ? "server" : "servers"));
    }
  }
  const std::string status =
      fmt::format("ready, {} {}", workers_.size(), workers_.size() == 1 ? "worker" : "workers");
  log_.write(LogLevel::info, status);
  notify_ready(status);
}

// The end begins. A worker that is still starting is told when it runs.
void Supervisor::drain() {
  if (is_draining_) return;
  is_draining_ = true;
  admin_.state().set_phase(AdminState::Phase::draining);
  notify_stopping();
  stats_.set_draining();
  const u32 timeout_ms = snapshot_.config.drain_timeout_ms;
  if (timeout_ms != 0)
    cut_off_at_ = monotonic_now() + static_cast<Nanos>(timeout_ms) * kMillisecond;
  tell({ControlMessage::Kind::drain});
}

void Supervisor::cut_off_if_due() {
  if (monotonic_now() < cut_off_at_) return;
  cut_off_at_ = kNever;
  log_.write(LogLevel::warn, fmt::format("the drain has taken drain_timeout_ms ({}): what is left "
                                         "is cut off",
                                         snapshot_.config.drain_timeout_ms));
  tell({ControlMessage::Kind::cut_off});
}

void Supervisor::take_admin_requests() {
  while (const auto request = admin_.requests().take()) {
    switch (request->kind) {
      case AdminRequest::Kind::reload:
        ask_for_reload_by(request->ticket);
        break;
      case AdminRequest::Kind::set_log_level:
        set_log_level(request->level);
        admin_.requests().answer(request->ticket, {});
        break;
      case AdminRequest::Kind::nudge_workers:
        admin_.requests().answer(request->ticket, {.workers = nudge_workers()});
        break;
    }
  }
}

// Who asks waits for answer_reloads(), which says what became of it.
void Supervisor::ask_for_reload_by(u64 ticket) {
  reload_tickets_.push_back(ticket);
  answer_reloads({.is_available = false});  // this version cannot
}

void Supervisor::answer_reloads(const AdminAnswer& answer) {
  for (const u64 ticket : reload_tickets_) admin_.requests().answer(ticket, answer);
  reload_tickets_.clear();
}

void Supervisor::set_log_level(LogLevel level) {
  const std::string text =
      fmt::format("the admin endpoint sets the log level to {}", log_level_name(level));
  // The line is left out by the levels below its own.
  if (level < LogLevel::info) log_.write(LogLevel::info, text);
  log_.set_max_level(level);
  if (level >= LogLevel::info) log_.write(LogLevel::info, text);
  admin_.state().set_log_level(level);
}

std::vector<u32> Supervisor::nudge_workers() {
  std::vector<u32> nudged;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i]->nudge()) nudged.push_back(static_cast<u32>(i));
  }
  return nudged;
}

void Supervisor::take_signals() {
  signalfd_siginfo info{};
  while (::read(signals_->get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    on_signal(static_cast<int>(info.ssi_signo));
  }
}

void Supervisor::on_signal(int number) {
  switch (number) {
    case SIGTERM:
    case SIGINT:
      on_stop_signal(number);
      break;
    case SIGUSR1:
      if (auto reopened = log_.reopen(); !reopened) {
        log_.write(LogLevel::error, reopened.error().text + "; the old one stays in use");
      } else {
        log_.write(LogLevel::info, log_.is_file() ? "SIGUSR1: log file opened again"
                                                  : "SIGUSR1: the log is stderr, nothing to open");
      }
      break;
    default:
      log_.write(LogLevel::warn,
                 "SIGHUP: reloading the configuration is not available in this version; restart "
                 "ringfold to use a new one");
      break;
  }
}

void Supervisor::on_stop_signal(int number) {
  const char* const name = number == SIGTERM ? "SIGTERM" : "SIGINT";
  if (stop_signal_ != 0) {
    const int code = 128 + number;
    log_.write(LogLevel::warn,
               fmt::format("{} again: exiting at once with code {}; requests under way are lost",
                           name, code));
    listeners_.close_and_remove();
    admin_.remove_socket_file();
    // Threads are running: nothing of theirs may be destroyed.
    ::_exit(code);
  }
  stop_signal_ = number;
  log_.write(LogLevel::info,
             fmt::format("{}: draining; send it again to exit without waiting for replies", name));
  drain();
  look_at_phases();
}

// Many clients are many descriptors; the hard limit is the administrator's word on that.
void raise_file_limit(Log& log) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    log.write(LogLevel::warn,
              fmt::format("open files stay limited to {}: {}", before, std::strerror(errno)));
    return;
  }
  log.write(LogLevel::debug, fmt::format("open files are limited to {}", limit.rlim_cur));
}

// Several proxies on one machine keep working without a word about the admin endpoint in their
// files: the first has the default address, the others go without.
Expected<void> open_admin(AdminEndpoint& admin, const Config& config, Log& log,
                          std::vector<SharedListener>& inherited) {
  const std::string place = shown(to_string(config.admin_listen));
  const auto opened = admin.open(inherited);
  if (opened) {
    if (admin.is_open()) log.write(LogLevel::info, "admin endpoint: listening on " + place);
    return {};
  }
  if (config.admin_configured) return fail("admin.listen: " + opened.error().text);
  log.write(
      LogLevel::warn,
      fmt::format("no admin endpoint on its default address {} ({}); give this process one of "
                  "its own with listen in [admin], or \"\" for none",
                  place, opened.error().text));
  return {};
}

Expected<int> start(Config config, Log& log) {
  log.write(LogLevel::info, fmt::format("ringfold {} starting", RINGFOLD_VERSION));
  raise_file_limit(log);
  auto io = choose_io(config.io, probe_io());
  if (!io) return tl::unexpected(io.error());
  if (const char* const value = std::getenv(kTestRingVariable); value != nullptr) {
    if (auto applied = apply_test_ring(value, *io); !applied)
      return tl::unexpected(applied.error());
    log.write(LogLevel::warn, fmt::format("{}={}: the rings are made for tests, not for operation",
                                          kTestRingVariable, value));
  }
  auto inherited = take_inherited_listeners();
  if (!inherited) return tl::unexpected(inherited.error());
  auto snapshot = build_snapshot(std::move(config));
  if (!snapshot) return tl::unexpected(snapshot.error());
  auto names = Names::open(snapshot->config, look_up_host);
  if (!names) return tl::unexpected(names.error());
  for (const NameNote& note : names->wait_for_first_round(*snapshot, kFirstRoundMax)) {
    log.write(note.level, note.text);
  }
  StatsRegistry stats;
  stats.attach(*snapshot);
  stats.publish(*snapshot);
  AdminEndpoint admin(snapshot->config, [&stats] { return stats.gather(); });
  if (auto opened = open_admin(admin, snapshot->config, log, *inherited); !opened)
    return tl::unexpected(opened.error());
  Listeners listeners;
  if (auto opened = listeners.open(*snapshot, std::move(*inherited)); !opened)
    return tl::unexpected(opened.error());
  return Supervisor(log, *snapshot, *io, listeners, *names, stats, admin).run();
}

}  // namespace

Expected<int> supervise(Config config) {
  auto log = Log::open({config.log_file, config.log_level, config.log_format});
  if (!log) return tl::unexpected(log.error());
  auto code = start(std::move(config), *log);
  // stderr gets this line from main.
  if (!code && log->is_file()) log->write(LogLevel::error, code.error().text);
  return code;
}

}  // namespace ringfold
