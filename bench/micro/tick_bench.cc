// The whole tick: a real worker between perfect clients and perfect servers, in ns per request of
// our own code, without the kernel. ring_ns is the share of it that is the bench's own, which is
// what the same calls of the ring cost with no worker between them; allocations must be 0.
// Run: build/bench/micro/tick_bench
#include <benchmark/benchmark.h>
#include <time.h>

#include <string>

#include "allocation_count.h"
#include "scenarios.h"

namespace {

using namespace ringfold;
using perfect::Round;
using perfect::RoundOptions;

constexpr u32 kWarmUp = 20;

// Of this thread's processor, as the library measures per_request.
Nanos processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return Nanos{time.tv_sec} * kSecond + time.tv_nsec;
}

double nanos_without_worker(Round& round) {
  constexpr u32 kRounds = 2000;
  const Nanos start = processor_time();
  for (u32 i = 0; i < kRounds; ++i) round.run_without_worker();
  return static_cast<double>(processor_time() - start) / kRounds;
}

void tick(benchmark::State& state, const RoundOptions& options) {
  Round round(options);
  for (u32 i = 0; i < kWarmUp; ++i) round.run();
  u64 rounds = 1 + kWarmUp;
  const u64 allocations_before = perfect::allocation_count();
  for (auto _ : state) {
    round.run();
    ++rounds;
  }
  // The loop of the library allocates nothing either: what is counted is the worker's.
  const u64 allocations = perfect::allocation_count() - allocations_before;
  if (!round.is_served(rounds)) state.SkipWithError("a client did not get its replies");
  const double requests = static_cast<double>(round.requests_a_round());
  using benchmark::Counter;
  state.SetItemsProcessed(state.iterations() * static_cast<i64>(round.requests_a_round()));
  state.counters["per_request"] =
      Counter(requests, Counter::kIsIterationInvariantRate | Counter::kInvert);
  state.counters["ring_ns"] = nanos_without_worker(round) / requests;
  state.counters["allocations"] = static_cast<double>(allocations);
}

void register_all() {
  for (const perfect::Scenario& scenario : perfect::all_scenarios()) {
    benchmark::RegisterBenchmark(("tick/" + scenario.name).c_str(), tick, scenario.options);
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  register_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
