#include "app/watchdog.h"

#include <fmt/core.h>

#include <algorithm>

#include "app/poll_time.h"
#include "app/service_manager.h"

namespace ringfold {
namespace {

// sd_watchdog_enabled(3) recommends every half of the period. A quarter leaves a worker in a long
// tick two more chances, and costs a wake-up.
constexpr Nanos kBeatsPerPeriod = 4;
// Of a period too short for that the process would do little else than beat.
constexpr Nanos kIntervalMin = kMillisecond;

}  // namespace

Watchdog::Watchdog(Nanos period, Log& log)
    : interval_(std::max(period / kBeatsPerPeriod, kIntervalMin)),
      log_(log),
      due_(period == 0 ? kNever : monotonic_now()) {}

void Watchdog::look_after(std::span<const std::unique_ptr<WorkerThread>> workers, Nanos now) {
  if (now < due_) return;
  due_ = now + interval_;
  const auto hanging =
      std::ranges::find_if(workers, [](const auto& worker) { return !worker->has_turned(); });
  if (hanging == workers.end()) {
    notify_alive();
    for (const auto& worker : workers) worker->nudge();
    if (has_warned_) log_.write(LogLevel::info, "all workers turn again");
    has_warned_ = false;
    alive_at_ = now;
    return;
  }
  // One interval late may be a long tick.
  if (has_warned_ || now - alive_at_ < 2 * interval_) return;
  has_warned_ = true;
  log_.write(LogLevel::error,
             fmt::format("worker {} has not turned for {} ms: the service manager's watchdog is "
                         "told nothing more, and will end this process unless the worker goes on",
                         hanging - workers.begin(), (now - alive_at_) / kMillisecond));
}

}  // namespace ringfold
