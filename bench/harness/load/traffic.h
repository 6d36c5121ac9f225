// Traffic: decides what one thread asks next and writes it into a connection's batch.
#pragma once

#include <vector>

#include "load/connection.h"
#include "load/plan.h"
#include "ringfold/base/prng.h"
#include "ringfold/mem/block_pool.h"

namespace ringfold::load {

class Traffic {
 public:
  Traffic(const Plan& plan, u32 thread);

  // The next request of the mix or the replay.
  void issue(Connection& connection, BlockPool& blocks, Nanos since, bool is_measured);

  // The next request of this thread's part of --fill. Requires: !fill_is_over().
  void issue_fill(Connection& connection, BlockPool& blocks, Nanos since);
  bool fill_is_over() const { return fill_recipe_ == fills_.size(); }

  const Recipe& recipe(const Pending& pending) const {
    return pending.is_fill ? fills_[pending.recipe] : recipes_[pending.recipe];
  }

 private:
  u16 choose_recipe() {
    if (weights_up_to_.size() == 1) return 0;
    const u64 at = prng_.below(weights_up_to_.back());
    u16 index = 0;
    while (weights_up_to_[index] <= at) ++index;
    return index;
  }
  u64 choose_key(bool is_read) {
    const u64 key = chooser_.next(prng_);
    if (!is_read || hit_chance_ == kAlways) return key;
    return (prng_.next() >> 32) < hit_chance_ ? key : kMissingFrom + key;
  }
  void write(Connection& connection, BlockPool& blocks, Recipe& recipe);

  static constexpr u64 kAlways = u64{1} << 32;

  const Plan& plan_;
  const u32 thread_;
  std::vector<Recipe> recipes_;  // own copies: their texts change with every request
  std::vector<Recipe> fills_;
  std::vector<u64> weights_up_to_;
  std::vector<u64> keys_;  // of the request that is being written
  KeyChooser chooser_;
  Prng prng_;
  const u64 hit_chance_;  // of 2^32
  u64 position_;          // in the replay
  u64 fill_key_;
  std::size_t fill_recipe_ = 0;
};

}  // namespace ringfold::load
