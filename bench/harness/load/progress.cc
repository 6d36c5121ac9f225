#include "load/progress.h"

#include <fmt/core.h>

#include <cmath>
#include <cstdio>

#include "load/texts.h"

namespace ringfold::load {
namespace {

double milliseconds(u64 nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e6;
}

// Seconds that the run will still take; negative: unknown.
double seconds_left(const Plan& plan, u64 seconds, u64 done) {
  const auto passed = static_cast<double>(seconds);
  double left = plan.seconds > 0 ? plan.seconds - passed : -1;
  if (plan.requests != 0 && done != 0) {
    const auto rest = static_cast<double>(plan.requests - std::min(done, plan.requests));
    const double by_count = rest / static_cast<double>(done) * passed;
    left = left < 0 ? by_count : std::min(left, by_count);
  }
  return left;
}

}  // namespace

std::string progress_line(const Plan& plan, const SecondRow& row, u64 done) {
  std::string line = plan.name.empty() ? std::string() : fmt::format("{}: ", plan.name);
  line += fmt::format("{} s  {}/s  p50 {:.3f}  p99 {:.3f}  p99.9 {:.3f}  max {:.3f} ms",
                      row.second + 1, with_commas(row.requests), milliseconds(row.p50),
                      milliseconds(row.p99), milliseconds(row.p999), milliseconds(row.max));
  if (row.faults != 0) line += fmt::format("  FAULTS {}", with_commas(row.faults));
  const double left = seconds_left(plan, row.second + 1, done);
  if (left >= 0) line += fmt::format("  {:.0f} s left", std::ceil(left));
  return line;
}

std::string Progress::before_the_first_second() const {
  const u64 all = plan_.keyspace * plan_.fills.size();
  const u64 filled = board_.filled();
  if (filled >= all) return plan_.warm_up > 0 ? "warming up" : "";
  if (filled == 0) return {};
  return fmt::format("filling: {} of {} keys, {} %", with_commas(filled), with_commas(all),
                     100 * filled / all);
}

void Progress::show() {
  if (!is_shown_) return;
  SecondRow row;
  std::string line;
  if (board_.latest(row)) {
    if (row.second + 1 == seconds_seen_) return;
    seconds_seen_ = row.second + 1;
    requests_ += row.requests;
    line = progress_line(plan_, row, requests_);
  } else {
    line = before_the_first_second();
  }
  if (line.empty() || line == shown_) return;
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  shown_ = line;
}

void Progress::clear() {
  if (shown_.empty()) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  shown_.clear();
}

}  // namespace ringfold::load
