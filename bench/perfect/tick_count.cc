// The rounds of the tick bench, a fixed number of them, for whoever counts instructions:
// tools/perf-check runs it under callgrind, which counts within measured_rounds() and what that
// calls. Run: build/bench/perfect/tick_count --list; build/bench/perfect/tick_count SCENARIO ROUNDS
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "scenarios.h"

using namespace ringfold;
using perfect::Round;
using perfect::Scenario;

namespace {

constexpr u32 kWarmUp = 20;

}  // namespace

// A name without a namespace, and never inlined, so that callgrind can be told of it.
extern "C" [[gnu::noinline]] void measured_rounds(Round& round, u64 count) {
  for (u64 i = 0; i < count; ++i) round.run();
}

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
    for (const Scenario& scenario : perfect::all_scenarios()) std::puts(scenario.name.c_str());
    return 0;
  }
  if (argc != 3 || std::atoll(argv[2]) <= 0) {
    std::fputs("usage: tick_count --list | SCENARIO ROUNDS\n", stderr);
    return 2;
  }
  const u64 rounds = static_cast<u64>(std::atoll(argv[2]));
  for (const Scenario& scenario : perfect::all_scenarios()) {
    if (scenario.name != argv[1]) continue;
    Round round(scenario.options);
    for (u32 i = 0; i < kWarmUp; ++i) round.run();
    measured_rounds(round, rounds);
    if (!round.is_served(1 + kWarmUp + rounds)) {
      std::fputs("a client did not get its replies\n", stderr);
      return 1;
    }
    std::printf("%llu\n", static_cast<unsigned long long>(round.requests_a_round() * rounds));
    return 0;
  }
  std::fprintf(stderr, "no scenario is called %s\n", argv[1]);
  return 2;
}
