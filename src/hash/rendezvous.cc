#include <algorithm>
#include <limits>

#include "hash/name_hash.h"
#include "hash/negative_log.h"
#include "ringfold/base/assert.h"
#include "ringfold/base/limits.h"
#include "ringfold/base/prng.h"
#include "ringfold/hash/distributions.h"

namespace ringfold {

namespace {

inline double draw(u64 seed, u64 spread) {
  return unit_fraction(Prng(spread ^ seed).next());
}

}  // namespace

RendezvousTable::RendezvousTable(std::span<const Member> members) {
  RINGFOLD_ASSERT(!members.empty());
  RINGFOLD_ASSERT(members.size() <= kServersPerPoolMax);
  for (const Member& member : members) {
    const double weight = static_cast<double>(member.weight);
    contenders_.push_back({name_hash(member.name, 0), weight, 1.0 / weight, member.server});
  }
}

// The cost of a contender that drew x is -ln(1 - x) / weight. Logarithms are slow and mispredicted
// branches too, so all contenders are first compared by bounds that cost two multiplications; only
// when more than one could still win are the costs themselves needed, which is seldom. The margin
// is wider than all rounding, so the bounds never change who wins.
u32 RendezvousTable::find(u32 hash) const {
  constexpr double kMargin = 1.0 + 1e-9;
  const u64 spread = Prng(hash).next();
  const std::size_t count = contenders_.size();
  double least_costs[kServersPerPoolMax];
  double least = std::numeric_limits<double>::infinity();
  std::size_t favourite = 0;
  for (std::size_t index = 0; index < count; ++index) {
    const Contender& contender = contenders_[index];
    const double cost =
        negative_log_at_least(draw(contender.seed, spread)) * contender.inverse_weight;
    least_costs[index] = cost;
    favourite = cost < least ? index : favourite;
    least = std::min(cost, least);
  }
  const Contender& first = contenders_[favourite];
  const double limit =
      negative_log_at_most(draw(first.seed, spread)) * first.inverse_weight * kMargin;
  std::size_t possible_count = 0;
  for (std::size_t index = 0; index < count; ++index) {
    possible_count += least_costs[index] <= limit ? 1 : 0;
  }
  if (__builtin_expect(possible_count == 1, 1)) return first.server;
  return find_exactly(spread, std::span(least_costs, count), limit);
}

// The least cost among those whose bound is within the limit; of equal ones the first in the list.
u32 RendezvousTable::find_exactly(u64 spread, std::span<const double> least_costs,
                                  double limit) const {
  double winning_cost = std::numeric_limits<double>::infinity();
  u32 winner = 0;
  for (std::size_t index = 0; index < contenders_.size(); ++index) {
    if (least_costs[index] > limit) continue;
    const Contender& contender = contenders_[index];
    const double cost = negative_log(draw(contender.seed, spread)) / contender.weight;
    if (cost >= winning_cost) continue;
    winning_cost = cost;
    winner = contender.server;
  }
  return winner;
}

}  // namespace ringfold
