#include "app/supervisor.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

#include "app/all_signals_blocked.h"
#include "app/endpoint.h"
#include "app/poll_time.h"
#include "app/reload.h"
#include "app/settings.h"

namespace ringfold {

namespace {

// A worker whose control ring is full is looked at again after this.
constexpr Nanos kFlushRetry = 10 * kMillisecond;

u64 random_seed() {
  u64 seed = 0;
  // Never fails for so few bytes once the machine has booted; a seed of zero would be harmless.
  [[maybe_unused]] const ssize_t size = ::getrandom(&seed, sizeof seed, 0);
  return seed;
}

}  // namespace

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

void Supervisor::start_worker(u32 index) {
  workers_.push_back(std::make_unique<WorkerThread>(WorkerThread::Inputs{
      *snapshot_, io_, *gate_, wake_->get(), {.index = index, .seed = random_seed()}}));
}

void Supervisor::start_threads() {
  gate_.emplace(snapshot_->config.threads);
  const AllSignalsBlocked blocked;
  try {
    for (u32 index = 0; index < snapshot_->config.threads; ++index) start_worker(index);
  } catch (const std::system_error& error) {
    // The standard library reports a thread the kernel refuses in no other way.
    failure_ = fmt::format(
        "cannot start worker {}: {}; lower threads or raise the limit on processes (ulimit -u)",
        workers_.size(), error.what());
    gate_->excuse(snapshot_->config.threads - workers_.size());
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
                     {takeover_ ? takeover_->listener() : -1, POLLIN, 0},
                     {takeover_ ? takeover_->successor() : -1, POLLIN, 0},

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
  serve_successor(polled[3].revents != 0, polled[4].revents != 0);
  finish_reload_if_applied();
  if (is_reload_wanted_) start_reload();
  log_what_was_left_out(monotonic_now());
  if (!is_draining_) follow_names();
  cut_off_if_due();
  watchdog_.look_after(workers_, monotonic_now());
  is_flushed_ = true;
  for (const auto& worker : workers_) is_flushed_ &= worker->flush();
}

Nanos Supervisor::next_deadline(Nanos now) const {
  const Nanos due =
      std::min({is_draining_ ? cut_off_at_ : names_.due(), limiter_.due(), watchdog_.due()});
  return is_flushed_ ? due : std::min(due, now + kFlushRetry);
}

void Supervisor::take_events() {
  WorkerEvent event;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    while (workers_[i]->try_pop(event)) {
      if (event.kind == WorkerEvent::Kind::lookup) {
        // Places in a configuration that is about to go mean nothing to the names of the next one.
        const Snapshot& named = next_snapshot_ ? *next_snapshot_ : *snapshot_;
        if (event.generation == named.generation)
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

void Supervisor::ask_for_reload(const char* cause) {
  if (is_draining_) {
    log_.write(LogLevel::warn, fmt::format("{}: draining, nothing is reloaded", cause));
    return;
  }
  log_.write(LogLevel::info, fmt::format("{}: reloading {}", cause, path_));
  is_reload_wanted_ = true;
}

// One at a time, and none before all workers run.
void Supervisor::start_reload() {
  if (is_draining_ || !is_ready_ || next_snapshot_) return;
  is_reload_wanted_ = false;
  notify_reloading();
  auto reload = prepare_reload(path_, *snapshot_, names_, listeners_, counts_, kFirstRoundMax);
  if (!reload) {
    refuse_reload(reload.error());
    return;
  }
  for (const NameNote& note : reload->notes) log_.write(note.level, note.text);
  log_.swap(reload->log);
  next_snapshot_ = std::move(reload->snapshot);
  stats_.attach(*next_snapshot_);
  report_ = std::move(reload->report);
  names_ = std::move(reload->names);
  ControlMessage message{ControlMessage::Kind::reload};
  message.snapshot = next_snapshot_.get();
  tell(message);
}

void Supervisor::refuse_reload(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) log_.write(LogLevel::error, line);
  log_.write(LogLevel::error, "the configuration was not reloaded: nothing has changed");
  answer_reloads({.reload = {false, lines, {}}});
  stats_.count_reload(false);
  notify_ready("ready; the last reload was refused, see the log");
}

void Supervisor::finish_reload_if_applied() {
  if (!next_snapshot_) return;
  for (const auto& worker : workers_) {
    if (!worker->has_applied(next_snapshot_->generation)) return;
  }
  // A worker that drains takes over nothing any more, and goes on with what it has.
  snapshot_ = std::move(next_snapshot_);
  if (!is_draining_) listeners_.keep_only(*snapshot_);
  stats_.publish(*snapshot_);
  stats_.count_reload(true);
  admin_.state().publish(snapshot_->config);
  for (const std::string& line : report_.lines) log_.write(LogLevel::info, line);
  for (const std::string& line : report_.warnings) log_.write(LogLevel::warn, line);
  log_.write(LogLevel::info, report_.lines.empty()
                                 ? std::string("reloaded: nothing has changed")
                                 : fmt::format("reloaded: {} changes", report_.lines.size()));
  answer_reloads({.reload = std::exchange(report_, {})});
  if (!is_draining_) notify_ready(fmt::format("ready, {} workers; reloaded", workers_.size()));
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
  for (const PoolConfig& pool : snapshot_->config.pools) {
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
  replace_predecessor();
}

// Both have accepted clients until now; from now on only we do.
void Supervisor::replace_predecessor() {
  const std::string& path = snapshot_->config.takeover_socket;
  if (path.empty()) return;
  if (predecessor_) {
    if (auto dismissed = predecessor_->dismiss(); !dismissed) {
      failure_ = dismissed.error().text;
      drain();
      return;
    }
    predecessor_.reset();
    listeners_.take_files();
    admin_.take_file();
    log_.write(LogLevel::info, "the process before drains: its sockets are ours");
  }
  auto point = TakeoverPoint::open(path);
  if (point) {
    takeover_ = std::move(*point);
  } else {
    log_.write(LogLevel::error, point.error().text + "; nobody can take over from this process");
  }
}

void Supervisor::serve_successor(bool is_asked, bool is_answered) {
  if (!takeover_) return;
  if (is_answered && takeover_->hear()) {
    log_.write(LogLevel::info, "another process has taken over: draining");
    listeners_.leave_files();
    admin_.leave_to_successor();
    takeover_.reset();
    drain();
    return;
  }
  if (!is_asked) return;
  log_.write(LogLevel::info, "another process takes over");
  std::vector<int> sockets = listeners_.all();
  if (admin_.listener() >= 0) sockets.push_back(admin_.listener());
  if (auto greeted = takeover_->greet(sockets, io_name(io_)); !greeted)
    log_.write(LogLevel::warn, greeted.error().text);
}

// The end begins. A worker that is still starting is told when it runs.
void Supervisor::drain() {
  if (is_draining_) return;
  is_draining_ = true;
  admin_.state().set_phase(AdminState::Phase::draining);
  notify_stopping();
  stats_.set_draining();
  takeover_.reset();
  const u32 timeout_ms = snapshot_->config.drain_timeout_ms;
  if (timeout_ms != 0)
    cut_off_at_ = monotonic_now() + static_cast<Nanos>(timeout_ms) * kMillisecond;
  tell({ControlMessage::Kind::drain});
}

void Supervisor::cut_off_if_due() {
  if (monotonic_now() < cut_off_at_) return;
  cut_off_at_ = kNever;
  log_.write(LogLevel::warn, fmt::format("the drain has taken drain_timeout_ms ({}): what is left "
                                         "is cut off",
                                         snapshot_->config.drain_timeout_ms));
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
  ask_for_reload("POST /reload");
  if (!is_reload_wanted_) answer_reloads({.is_available = false});
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
      ask_for_reload("SIGHUP");
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

}  // namespace ringfold
