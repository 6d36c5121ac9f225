#include "app/start.h"

#include <fmt/core.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "app/endpoint.h"
#include "app/supervisor.h"
#include "app/test_ring.h"

namespace ringfold {
namespace {

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

// The sockets of the service manager; without any, those of the process that runs.
Expected<Inherited> inherit(const Config& config, Start& start) {
  auto managed = take_inherited_listeners();
  if (!managed) return tl::unexpected(managed.error());
  if (!managed->empty() || config.takeover_socket.empty())
    return Inherited{Inherited::From::service_manager, std::move(*managed)};
  auto found = Predecessor::find(config.takeover_socket, io_name(start.io));
  if (!found) return tl::unexpected(found.error());
  if (!*found) return Inherited{};
  start.predecessor = std::move(*found);
  start.io.may_change = false;
  return Inherited{Inherited::From::predecessor, start.predecessor->take_sockets()};
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

Expected<int> start(Config config, const std::string& path, Log& log) {
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
  Start start;
  start.path = path;
  start.io = *io;
  auto inherited = inherit(config, start);
  if (!inherited) return tl::unexpected(inherited.error());
  auto snapshot = build_snapshot(std::move(config), start.counts);
  if (!snapshot) return tl::unexpected(snapshot.error());
  start.snapshot = std::make_unique<Snapshot>(std::move(*snapshot));
  auto names = Names::open(start.snapshot->config, look_up_host);
  if (!names) return tl::unexpected(names.error());
  for (const NameNote& note : names->wait_for_first_round(*start.snapshot, kFirstRoundMax)) {
    log.write(note.level, note.text);
  }
  start.stats.attach(*start.snapshot);
  start.stats.publish(*start.snapshot);
  StatsRegistry& stats = start.stats;
  AdminEndpoint admin(start.snapshot->config, [&stats] { return stats.gather(); });
  if (auto opened = open_admin(admin, start.snapshot->config, log, inherited->sockets); !opened)
    return tl::unexpected(opened.error());
  Listeners listeners(std::move(*inherited));
  if (auto opened = listeners.open(*start.snapshot); !opened) return tl::unexpected(opened.error());
  if (auto settled = listeners.settle_unused(); !settled) return tl::unexpected(settled.error());
  return Supervisor(log, start, listeners, std::move(*names), admin).run();
}

}  // namespace

Expected<int> supervise(Config config, const std::string& path) {
  auto log = Log::open({config.log_file, config.log_level, config.log_format});
  if (!log) return tl::unexpected(log.error());
  auto code = start(std::move(config), path, *log);
  // stderr gets this line from main.
  if (!code && log->is_file()) log->write(LogLevel::error, code.error().text);
  return code;
}

}  // namespace ringfold
