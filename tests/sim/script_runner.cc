// Plays one script under all the deliveries its promise covers.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "script.h"

namespace ringfold::sim {

// One play of a script's body.
class ScriptRun {
 public:
  struct Delivery {
    u64 seed = 1;
    u64 cut_at = 0;
    bool byte_by_byte = false;
    bool dice = false;
  };

  // The failure with its trace, or nothing.
  static std::string play(void (*body)(Script&), const Delivery& delivery, u64* longest_stream) {
    std::string failure = play_once(body, delivery, longest_stream, false);
    return failure.empty() ? failure : play_once(body, delivery, longest_stream, true);
  }

 private:
  static std::string play_once(void (*body)(Script&), const Delivery& delivery, u64* longest_stream,
                               bool traced) {
    Script script(delivery.seed);
    Universe& universe = script.stage.universe;
    script.pool.timeout_ms = 2000;
    script.pool.sharding.hash_tag = "{}";
    script.stage.network.policy.cut_at = delivery.cut_at;
    script.stage.network.policy.byte_by_byte = delivery.byte_by_byte;
    if (delivery.dice) {
      universe.dice.pick_freedoms();
      // A worker may let some time pass before it accepts again; scripts do not wait for that.
      universe.dice.set(Die::accept_fails, 0);
    }
    if (traced) universe.keep_trace(80, false);
    body(script);
    script.end();
    if (longest_stream != nullptr) *longest_stream = script.stage.network.longest_stream();
    if (!universe.failed()) return {};
    return universe.trace_text() + describe(delivery) + "\n" + universe.failure();
  }

  static std::string describe(const Delivery& delivery) {
    if (delivery.byte_by_byte) return "delivered byte by byte";
    if (delivery.cut_at != 0) return "every stream cut at byte " + std::to_string(delivery.cut_at);
    if (!delivery.dice) return "delivered whole";
    return "with dice of seed " + std::to_string(delivery.seed);
  }
};

namespace {

// Every cut of a short stream; of a long one the ends and samples between them.
std::vector<u64> cuts_of(u64 length) {
  constexpr u64 kEnds = 150;
  constexpr u64 kSamples = 60;
  std::vector<u64> cuts;
  for (u64 at = 1; at < length; ++at) {
    if (length > 3 * kEnds && at == kEnds) {
      const u64 step = (length - 2 * kEnds) / kSamples + 1;
      for (; at < length - kEnds; at += step) cuts.push_back(at);
    }
    cuts.push_back(at);
  }
  return cuts;
}

}  // namespace

void play_script(void (*body)(Script&)) {
  const std::string failure = script_failure(body);
  CHECK_MESSAGE(failure.empty(), failure);
}

std::string script_failure(void (*body)(Script&)) {
  constexpr u64 kDiceRuns = 40;
  u64 longest = 0;
  std::vector<ScriptRun::Delivery> deliveries;
  std::string failure = ScriptRun::play(body, {}, &longest);
  ScriptRun::Delivery delivery;
  delivery.byte_by_byte = true;
  deliveries.push_back(delivery);
  delivery.byte_by_byte = false;
  for (const u64 cut : cuts_of(longest)) {
    delivery.cut_at = cut;
    deliveries.push_back(delivery);
  }
  delivery = {};
  delivery.dice = true;
  for (u64 seed = 1; seed <= kDiceRuns; ++seed) {
    delivery.seed = seed;
    deliveries.push_back(delivery);
  }
  for (std::size_t i = 0; i < deliveries.size() && failure.empty(); ++i) {
    failure = ScriptRun::play(body, deliveries[i], nullptr);
  }
  return failure;
}

}  // namespace ringfold::sim
