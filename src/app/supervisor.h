// The supervisor: starts the workers, writes their log lines, turns signals, requests of the admin
// endpoint, new addresses of servers and another configuration into messages to them, and ends the
// process.
//
//   signal            does
//   SIGTERM, SIGINT   drain: no new clients, what was asked is answered, then exit 0; what is not
//                     answered after drain_timeout_ms is cut off, then exit 0 as well
//   the same again    exit at once with 128 + the signal's number, as a shell would report it
//   SIGHUP            reads the configuration again and takes over what differs (reload.h)
//   SIGUSR1           opens the log file again
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/admin/admin_endpoint.h"
#include "app/build_snapshot.h"
#include "app/io_choice.h"
#include "app/listeners.h"
#include "app/log.h"
#include "app/log_limiter.h"
#include "app/names.h"
#include "app/owned_fd.h"
#include "app/reload_report.h"
#include "app/service_manager.h"
#include "app/stats_registry.h"
#include "app/takeover.h"
#include "app/watchdog.h"
#include "app/worker_thread.h"
#include "ringfold/base/error.h"

namespace ringfold {

// Names are waited for so long at the start. A name server that answers does so in milliseconds;
// one that does not shall not keep the other servers' clients waiting.
inline constexpr Nanos kFirstRoundMax = 3 * kSecond;

// What the process starts with.
struct Start {
  std::string path;  // of the configuration; empty: it is the embedded one
  ClientCounts counts;
  StatsRegistry stats;
  std::unique_ptr<Snapshot> snapshot;
  IoChoice io;
  std::unique_ptr<Predecessor> predecessor;  // whose sockets we have; none: nobody's
};

class Supervisor {
 public:
  Supervisor(Log& log, Start& start, Listeners& listeners, Names names, AdminEndpoint& admin)
      : log_(log),
        path_(start.path),
        counts_(start.counts),
        snapshot_(std::move(start.snapshot)),
        io_(start.io),
        predecessor_(std::move(start.predecessor)),
        listeners_(listeners),
        names_(std::move(names)),
        stats_(start.stats),
        admin_(admin) {}

  Expected<int> run();

 private:
  using Phase = WorkerThread::Phase;

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
  void ask_for_reload(const char* cause);
  void start_reload();
  void refuse_reload(const std::vector<std::string>& lines);
  void finish_reload_if_applied();
  void replace_predecessor();
  void serve_successor(bool is_asked, bool is_answered);
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
  const std::string& path_;
  ClientCounts& counts_;
  std::unique_ptr<Snapshot> snapshot_;
  // Sent to the workers, who have not all applied it.
  std::unique_ptr<Snapshot> next_snapshot_;
  ReloadReport report_;            // of next_snapshot_
  bool is_reload_wanted_ = false;  // another one, when that is possible
  IoChoice io_;
  std::unique_ptr<Predecessor> predecessor_;
  std::unique_ptr<TakeoverPoint> takeover_;
  Listeners& listeners_;
  Names names_;
  StatsRegistry& stats_;
  AdminEndpoint& admin_;
  std::vector<u64> reload_tickets_;  // of those at the admin endpoint who wait for a reload
  LogLimiter limiter_;
  Watchdog watchdog_{watchdog_period(), log_};
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

}  // namespace ringfold
