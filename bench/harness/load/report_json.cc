// --json and --csv.
#include <fmt/core.h>

#include "load/report.h"
#include "load/texts.h"

namespace ringfold::load {
namespace {

// A latency in microseconds; JSON numbers without noise.
std::string microseconds(double nanoseconds) {
  return fmt::format("{:.3f}", nanoseconds / 1e3);
}
std::string microseconds(u64 nanoseconds) {
  return microseconds(static_cast<double>(nanoseconds));
}

std::string latency_json(const Histogram& latencies) {
  std::string text = fmt::format(
      "{{\"mean\": {}, \"standard_deviation\": {}, \"min\": {}", microseconds(latencies.mean()),
      microseconds(latencies.standard_deviation()), microseconds(latencies.min()));
  for (const double percentile : {50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99}) {
    text += fmt::format(", \"p{}\": {}", percentile, microseconds(latencies.value_at(percentile)));
  }
  return text + fmt::format(", \"max\": {}}}", microseconds(latencies.max()));
}

std::string plan_json(const Plan& plan) {
  std::string text = fmt::format(
      "{{\"name\": {}, \"protocol\": \"{}\", \"target\": {}, \"io\": \"{}\", \"connections\": {}, "
      "\"threads\": {}, \"pipeline\": {}, ",
      json_string(plan.name), plan.protocol == Protocol::redis ? "redis" : "memcached",
      json_string(to_string(plan.target)), plan.io.is_epoll ? "epoll" : "uring", plan.connections,
      plan.threads, plan.depth);
  text += fmt::format(
      "\"loop\": \"{}\", \"rate\": {}, \"arrivals\": \"{}\", \"keyspace\": {}, \"hit_ratio\": {}, "
      "\"warm_up_seconds\": {}, \"mix\": [",
      plan.is_open_loop() ? "open" : "closed", plan.rate,
      plan.arrivals == Arrivals::poisson ? "poisson" : "even", plan.keyspace, plan.hit_ratio,
      plan.warm_up);
  for (std::size_t i = 0; i < plan.recipes.size(); ++i) {
    text += fmt::format("{}{{\"name\": {}, \"weight\": {}}}", i == 0 ? "" : ", ",
                        json_string(plan.recipes[i].name), plan.recipes[i].weight);
  }
  return text + "]}";
}

std::string counts_json(const Plan& plan, const RunResult& result) {
  const Tally& tally = result.tally;
  std::string text = fmt::format(
      "{{\"requests\": {}, \"requests_in_time\": {}, \"hits\": {}, \"misses\": {}, "
      "\"unexpected_misses\": {}, \"misses_are_faults\": {}, \"errors\": {}, \"mismatches\": {}, ",
      tally.requests, tally.in_time, tally.hits, tally.misses, tally.unexpected_misses,
      plan.misses_are_faults, tally.errors, tally.mismatches);
  text += fmt::format(
      "\"lost\": {}, \"unanswered\": {}, \"unsent\": {}, \"connections_lost\": {}, "
      "\"bytes_sent\": {}, \"bytes_received\": {}}}",
      tally.lost, tally.unanswered, tally.unsent, tally.connections_lost, tally.bytes_sent,
      tally.bytes_received);
  return text;
}

std::string faults_json(const Tally& tally) {
  std::string text = "[";
  for (const Fault& fault : tally.faults) {
    if (text.size() > 1) text += ", ";
    text += fmt::format("{{\"what\": {}, \"request\": {}, \"expected\": {}, \"got\": {}}}",
                        json_string(fault.what), json_string(fault.request),
                        json_string(fault.expected), json_string(fault.got));
  }
  return text + "]";
}

std::string rows_json(const RunResult& result) {
  std::string text = "[";
  for (const SecondRow& row : result.rows) {
    if (text.size() > 1) text += ", ";
    text += fmt::format(
        "\n    {{\"second\": {}, \"requests\": {}, \"faults\": {}, \"mean\": {}, \"p50\": {}, "
        "\"p90\": {}, \"p99\": {}, \"p99.9\": {}, \"max\": {}}}",
        row.second, row.requests, row.faults, microseconds(row.mean), microseconds(row.p50),
        microseconds(row.p90), microseconds(row.p99), microseconds(row.p999),
        microseconds(row.max));
  }
  return text + "]";
}

}  // namespace

std::string to_json(const Plan& plan, const RunResult& result) {
  const Tally& tally = result.tally;
  const double requests = static_cast<double>(std::max<u64>(tally.requests, 1));
  std::string text = fmt::format("{{\n  \"plan\": {},\n", plan_json(plan));
  text += fmt::format(
      "  \"seconds\": {:.6f},\n  \"interrupted\": {},\n  \"requests_per_second\": {:.3f},\n",
      result.seconds, result.was_interrupted, result.throughput());
  text += fmt::format("  \"latency_us\": {},\n", latency_json(result.latencies));
  text += fmt::format("  \"counts\": {},\n", counts_json(plan, result));
  text += fmt::format(
      "  \"cpu\": {{\"seconds\": {:.6f}, \"us_per_request\": {:.4f}, \"cores\": {:.4f}}},\n",
      result.cpu_seconds, result.cpu_microseconds_per_request(),
      result.seconds > 0 ? result.cpu_seconds / result.seconds : 0);
  text += fmt::format("  \"schedule_lag_us\": {{\"mean\": {}, \"max\": {}}},\n",
                      microseconds(static_cast<double>(tally.late_sum) / requests),
                      microseconds(static_cast<double>(tally.late_max)));
  text += "  \"by_command\": [";
  for (std::size_t i = 0; i < result.recipes.size(); ++i) {
    const RecipeResult& recipe = result.recipes[i];
    text += fmt::format("{}\n    {{\"name\": {}, \"requests\": {}, \"latency_us\": {}}}",
                        i == 0 ? "" : ",", json_string(recipe.name), recipe.latencies.count(),
                        latency_json(recipe.latencies));
  }
  text += fmt::format("],\n  \"per_second\": {},\n  \"faults\": {}\n}}", rows_json(result),
                      faults_json(tally));
  return text;
}

std::string csv_head() {
  return "run,second,requests,faults,mean_us,p50_us,p90_us,p99_us,p99.9_us,max_us\n";
}

std::string to_csv(const Plan& plan, const RunResult& result) {
  std::string text;
  for (const SecondRow& row : result.rows) {
    text += fmt::format("{},{},{},{},{},{},{},{},{},{}\n", plan.name, row.second, row.requests,
                        row.faults, microseconds(row.mean), microseconds(row.p50),
                        microseconds(row.p90), microseconds(row.p99), microseconds(row.p999),
                        microseconds(row.max));
  }
  return text;
}

}  // namespace ringfold::load
