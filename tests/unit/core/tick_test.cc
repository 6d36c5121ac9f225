// The whole tick on a perfect network: once warm, it asks for no memory, whatever the traffic.
#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "allocation_count.h"
#include "ringfold/mem/block_pool.h"
#include "round.h"

using namespace ringfold;
using perfect::Round;
using perfect::RoundOptions;
using perfect::Traffic;

namespace {

u64 allocations_of_rounds(Round& round, u32 rounds) {
  const u64 before = perfect::allocation_count();
  for (u32 i = 0; i < rounds; ++i) round.run();
  return perfect::allocation_count() - before;
}

}  // namespace

TEST_CASE("every way of asking for memory is counted") {
  const auto count = [](auto ask) {
    const u64 before = perfect::allocation_count();
    ask();
    return perfect::allocation_count() - before;
  };
  CHECK(count([] {}) == 0);
  // Through a volatile pointer, or the compiler does without.
  CHECK(count([] {
          int* volatile number = new int(1);
          delete number;
        }) == 1);
  CHECK(count([] { std::vector<char> bytes(1 << 20); }) == 1);
  CHECK(count([] { auto line = std::make_unique<perfect::PerfectRing>(); }) >= 1);
  for (const u64 capacity : {100u, 1000u, 60'000u, 1'000'000u}) {
    CAPTURE(capacity);
    CHECK(count([capacity] {
            BlockPool pool;
            pool.give(pool.take(capacity));
          }) == 1);
  }
}

TEST_CASE("a worker that is warm allocates nothing") {
  constexpr u32 kWarmUp = 10;
  constexpr u32 kRounds = 100;
  constexpr u32 kClients = 20;
  // What the block pool keeps of its largest size; a tick that needs more gives it back.
  constexpr u64 kWarmBytesMax = 4_MiB;
  for (const Protocol protocol : {Protocol::redis, Protocol::memcached}) {
    for (const Traffic traffic : {Traffic::get, Traffic::set, Traffic::multi_get}) {
      for (const u32 pipeline : {1u, 16u}) {
        for (const u32 value_size : {32u, 4096u}) {
          const u64 keys = traffic == Traffic::multi_get ? Round::kMultiKeys : 1;
          if (keys * kClients * pipeline * value_size > kWarmBytesMax) continue;
          CAPTURE(static_cast<int>(protocol));
          CAPTURE(static_cast<int>(traffic));
          CAPTURE(pipeline);
          CAPTURE(value_size);
          Round round({.protocol = protocol,
                       .traffic = traffic,
                       .clients = kClients,
                       .pipeline = pipeline,
                       .value_size = value_size});
          allocations_of_rounds(round, kWarmUp);
          CHECK(allocations_of_rounds(round, kRounds) == 0);
          CHECK(round.is_served(1 + kWarmUp + kRounds));
        }
      }
    }
  }
}
