// The table at the end.
#include <fmt/core.h>

#include "load/report.h"
#include "load/texts.h"

namespace ringfold::load {
namespace {

constexpr std::size_t kNameWidth = 20;

double milliseconds(u64 nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e6;
}

std::string plural(u64 count, std::string_view word) {
  return fmt::format("{} {}{}", with_commas(count), word, count == 1 ? "" : "s");
}

std::string head(const Plan& plan) {
  std::string text = fmt::format(
      "{} at {}, {}, {}, pipeline {}, {}", plan.protocol == Protocol::redis ? "Redis" : "memcached",
      to_string(plan.target), plural(plan.connections, "connection"),
      plural(plan.threads, "thread"), plan.depth, plan.io.is_epoll ? "epoll" : "io_uring");
  if (plan.is_open_loop()) {
    text += fmt::format(
        "\nopen loop: {:.12g} requests/s due, {} arrivals, latency from when they were due",
        plan.rate, plan.arrivals == Arrivals::poisson ? "Poisson" : "even");
  } else {
    text += "\nclosed loop";
  }
  return text;
}

std::string row(std::string_view name, u64 requests, double seconds, const Histogram& latencies) {
  const double rate = seconds > 0 ? static_cast<double>(requests) / seconds : 0;
  std::string text = fmt::format("{:<{}.{}} {:>12} {:>12.0f}", name, kNameWidth, kNameWidth,
                                 latencies.count(), rate);
  text += fmt::format(" {:>9.3f}", latencies.mean() / 1e6);
  for (const double percentile : {50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    text += fmt::format(" {:>9.3f}", milliseconds(latencies.value_at(percentile)));
  }
  return text + "\n";
}

std::string table(const RunResult& result) {
  std::string text = fmt::format("{:<{}} {:>12} {:>12}", "", kNameWidth, "requests", "requests/s");
  for (const char* name : {"mean ms", "p50", "p90", "p99", "p99.9", "p99.99", "max"}) {
    text += fmt::format(" {:>9}", name);
  }
  text += "\n";
  if (result.recipes.size() > 1) {
    for (const RecipeResult& recipe : result.recipes) {
      text += row(recipe.name, recipe.latencies.count(), result.seconds, recipe.latencies);
    }
  }
  return text + row(result.recipes.size() > 1 ? "all" : result.recipes[0].name,
                    result.tally.in_time, result.seconds, result.latencies);
}

std::string fault_counts(const Plan& plan, const Tally& tally) {
  std::string text =
      fmt::format("{}, {}", plural(tally.errors, "error"), with_commas(tally.mismatches));
  text += tally.mismatches == 1 ? " mismatch" : " mismatches";
  if (plan.misses_are_faults) {
    text += fmt::format(", {} unexpected {}", with_commas(tally.unexpected_misses),
                        tally.unexpected_misses == 1 ? "miss" : "misses");
  }
  if (tally.lost != 0) text += fmt::format(", {} lost with their connections", tally.lost);
  if (tally.connections_lost != 0)
    text += fmt::format(", {} connections lost", tally.connections_lost);
  if (tally.unanswered != 0) text += fmt::format(", {} unanswered", tally.unanswered);
  return text;
}

std::string notes(const Plan& plan, const RunResult& result) {
  const Tally& tally = result.tally;
  std::string text;
  const u64 reads = tally.hits + tally.misses;
  if (reads != 0) {
    text += fmt::format("reads:  {} of {} keys found ({:.2f} %)\n", with_commas(tally.hits),
                        with_commas(reads),
                        100 * static_cast<double>(tally.hits) / static_cast<double>(reads));
  }
  text += fmt::format("checks: {}\n", fault_counts(plan, tally));
  text += fmt::format("load's own CPU time: {:.3f} s ({:.0f} % of {:.3f} s), {:.3f} us a request\n",
                      result.cpu_seconds,
                      result.seconds > 0 ? 100 * result.cpu_seconds / result.seconds : 0,
                      result.seconds, result.cpu_microseconds_per_request());
  if (plan.is_open_loop()) {
    const double count = static_cast<double>(std::max<u64>(tally.requests, 1));
    text += fmt::format("sent after they were due: {:.3f} ms on average, {:.3f} ms at most\n",
                        static_cast<double>(tally.late_sum) / count / 1e6,
                        static_cast<double>(tally.late_max) / 1e6);
  }
  if (tally.unsent != 0) {
    text += fmt::format(
        "{} requests were due and never sent, because the target did not keep up: "
        "their latency is in no number above\n",
        with_commas(tally.unsent));
  }
  if (result.was_interrupted) text += "interrupted: the numbers are those of the time until then\n";
  return text;
}

std::string faults(const Tally& tally) {
  std::string text;
  for (const Fault& fault : tally.faults) {
    text += fmt::format("\n{}\n", fault.what);
    if (!fault.request.empty()) text += fmt::format("  request:  {}\n", fault.request);
    if (!fault.expected.empty()) text += fmt::format("  expected: {}\n", fault.expected);
    if (!fault.got.empty()) text += fmt::format("  got:      {}\n", fault.got);
  }
  return text;
}

}  // namespace

std::string to_table(const Plan& plan, const RunResult& result) {
  std::string text = plan.name.empty() ? std::string() : fmt::format("== {} ==\n", plan.name);
  text += fmt::format("{}\n\n{}\n{}", head(plan), table(result), notes(plan, result));
  return text + faults(result.tally);
}

std::string to_line(const Plan& plan, const RunResult& result) {
  const Histogram& latencies = result.latencies;
  std::string text =
      fmt::format("{}: {:.2f} requests per second, p50={:.3f} ms, p99={:.3f} ms, max={:.3f} ms",
                  plan.name.empty() ? "all" : plan.name, result.throughput(),
                  milliseconds(latencies.value_at(50)), milliseconds(latencies.value_at(99)),
                  milliseconds(latencies.max()));
  if (result.has_faults(plan)) text += fmt::format(" ({})", fault_counts(plan, result.tally));
  return text + "\n";
}

}  // namespace ringfold::load
