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
#include <cstring>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "app/build_snapshot.h"
#include "app/endpoint.h"
#include "app/listeners.h"
#include "app/log.h"
#include "app/worker_thread.h"
#include "ringfold/io/ring.h"

namespace ringfold {
namespace {

using Phase = WorkerThread::Phase;

// A descriptor that is closed at the end.
class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_(fd) {}
  ~OwnedFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

class Supervisor {
 public:
  Supervisor(Log& log, const Snapshot& snapshot, const UringFeatures& features,
             Listeners& listeners)
      : log_(log), snapshot_(snapshot), features_(features), listeners_(listeners) {}

  Expected<int> run();

 private:
  Expected<void> open_descriptors();
  void start_worker(u32 index);
  void start_workers();
  void wait_for_events();
  void take_events();
  void take_signals();
  void on_signal(int number);
  void on_stop_signal(int number);
  void drain();
  void look_at_phases();
  bool any_in(Phase phase) const;
  bool all_ended() const;
  void log_ready();

  Log& log_;
  const Snapshot& snapshot_;
  const UringFeatures& features_;
  Listeners& listeners_;
  std::optional<OwnedFd> signals_;
  std::optional<OwnedFd> wake_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::vector<bool> was_told_;  // the worker has its drain message
  bool is_ready_ = false;       // all workers have started
  bool is_draining_ = false;
  int stop_signal_ = 0;                 // the first SIGTERM or SIGINT
  std::optional<std::string> failure_;  // of the first worker that could not start
};

Expected<int> Supervisor::run() {
  if (auto opened = open_descriptors(); !opened) return tl::unexpected(opened.error());
  start_workers();
  while (!all_ended()) wait_for_events();
  take_events();
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
                           features_,
                           listeners_.shared(),
                           wake_->get(),
                           {.index = index, .seed = random_seed()}}));
}

void Supervisor::start_workers() {
  // What is not for the supervisor is not for workers either: block everything while they start.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    for (u32 index = 0; index < snapshot_.config.threads; ++index) start_worker(index);
  } catch (const std::system_error& error) {
    // The standard library reports a thread the kernel refuses in no other way.
    failure_ = fmt::format(
        "cannot start worker {}: {}; lower threads or raise the limit on processes (ulimit -u)",
        workers_.size(), error.what());
    is_draining_ = true;
  }
  was_told_.assign(workers_.size(), false);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Supervisor::wait_for_events() {
  pollfd polled[] = {{signals_->get(), POLLIN, 0}, {wake_->get(), POLLIN, 0}};
  if (::poll(polled, std::size(polled), -1) < 0) return;  // EINTR: a debugger, for example
  u64 count = 0;
  // Emptied before the rings are: what comes behind wakes again.
  [[maybe_unused]] const ssize_t size = ::read(wake_->get(), &count, sizeof count);
  take_events();
  look_at_phases();
  take_signals();
}

void Supervisor::take_events() {
  WorkerEvent event;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    while (workers_[i]->try_pop(event)) {
      if (event.kind != WorkerEvent::Kind::log) continue;
      log_.write(event.level, fmt::format("worker {}: {}", i, event.view()));
    }
  }
}

void Supervisor::look_at_phases() {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i]->phase() != Phase::failed || failure_) continue;
    failure_ = workers_[i]->failure();
    is_draining_ = true;
  }
  if (!is_ready_ && !is_draining_ && !any_in(Phase::starting)) log_ready();
  if (is_draining_) drain();
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
  for (const PoolConfig& pool : snapshot_.config.pools) {
    for (const Endpoint& endpoint : pool.listen) {
      log_.write(LogLevel::info, fmt::format("pool {}: listening on {}, {} {}", shown(pool.name),
                                             to_string(endpoint), pool.servers.size(),
                                             pool.servers.size() == 1 ? "server" : "servers"));
    }
  }
  log_.write(LogLevel::info, fmt::format("ready, {} {}", workers_.size(),
                                         workers_.size() == 1 ? "worker" : "workers"));
}

// Tells every running worker once. One that is still starting is told when it runs.
void Supervisor::drain() {
  // A worker that is starting may be duplicating a shared listener at this moment.
  if (!any_in(Phase::starting)) listeners_.close_and_remove();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (was_told_[i] || workers_[i]->phase() != Phase::running) continue;
    workers_[i]->send({ControlMessage::Kind::drain});
    was_told_[i] = true;
  }
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
    // Threads are running: nothing of theirs may be destroyed.
    ::_exit(code);
  }
  stop_signal_ = number;
  is_draining_ = true;
  log_.write(LogLevel::info,
             fmt::format("{}: draining; send it again to exit without waiting for replies", name));
  drain();
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

Expected<UringFeatures> choose_io(IoKind kind, Log& log) {
  if (kind == IoKind::epoll) {
    return fail(
        "io = \"epoll\" is not available in this version; set io = \"auto\" or \"uring\" on a "
        "kernel that allows io_uring");
  }
  UringFeatures features = probe_uring();
  if (!features.available) return fail(features.reason);
  log.write(LogLevel::info, "io_uring: " + to_string(features));
  return features;
}

Expected<int> start(Config config, Log& log) {
  log.write(LogLevel::info, fmt::format("ringfold {} starting", RINGFOLD_VERSION));
  if (config.admin_configured) {
    log.write(LogLevel::warn, fmt::format("admin.listen = {}: this version has no admin endpoint "
                                          "yet, nothing listens there",
                                          shown(to_string(config.admin_listen))));
  }
  raise_file_limit(log);
  const auto features = choose_io(config.io, log);
  if (!features) return tl::unexpected(features.error());
  std::vector<std::string> warnings;
  const auto snapshot = build_snapshot(std::move(config), warnings);
  for (const std::string& warning : warnings) log.write(LogLevel::warn, warning);
  if (!snapshot) return tl::unexpected(snapshot.error());
  Listeners listeners;
  if (auto opened = listeners.open(*snapshot); !opened) return tl::unexpected(opened.error());
  return Supervisor(log, *snapshot, *features, listeners).run();
}

}  // namespace

Expected<int> supervise(Config config) {
  auto log = Log::open(config.log_file, config.log_level);
  if (!log) return tl::unexpected(log.error());
  auto code = start(std::move(config), *log);
  // stderr gets this line from main.
  if (!code && log->is_file()) log->write(LogLevel::error, code.error().text);
  return code;
}

}  // namespace ringfold
