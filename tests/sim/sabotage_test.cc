// The oracle sees what it is there for: replies that changed places between a server and the ring,
// requests executed twice, bytes changed, replies lost. Faults are made outside the product.
#include <doctest/doctest.h>

#include "random_world.h"

using namespace ringfold;
using namespace ringfold::sim;

namespace {

// Every world in which the sabotage struck has to be reported.
void check_caught(Sabotage sabotage) {
  for (const Protocol protocol : {Protocol::redis, Protocol::memcached}) {
    u32 struck = 0;
    for (u64 seed = 1; seed <= 60; ++seed) {
      WorldOptions options;
      options.seed = seed;
      options.protocol = protocol;
      options.sabotage = sabotage;
      const WorldReport report = RandomWorld(options).run();
      if (report.sabotaged == 0) continue;
      ++struck;
      CHECK_MESSAGE(!report.failure.empty(), "seed ", seed, " was not reported, protocol ",
                    static_cast<u32>(protocol));
    }
    CHECK(struck > 10);
  }
}

}  // namespace

TEST_CASE("swapped replies are reported") {
  check_caught(Sabotage::swap);
}

TEST_CASE("a request executed twice is reported") {
  check_caught(Sabotage::twice);
}

TEST_CASE("a changed byte is reported") {
  check_caught(Sabotage::corrupt);
}

TEST_CASE("a lost reply is reported") {
  check_caught(Sabotage::lose_reply);
}

TEST_CASE("the same seed plays the same world") {
  for (u64 seed = 100; seed < 120; ++seed) {
    WorldOptions options;
    options.seed = seed;
    const WorldReport first = RandomWorld(options).run();
    const WorldReport second = RandomWorld(options).run();
    CHECK(first.failure == "");
    CHECK(first.virtual_time == second.virtual_time);
    CHECK(first.replies == second.replies);
    CHECK(first.executions == second.executions);
  }
}
