#include "load/traffic.h"

#include <algorithm>
#include <cmath>

#include "ringfold/base/assert.h"

namespace ringfold::load {

Traffic::Traffic(const Plan& plan, u32 thread)
    : plan_(plan),
      thread_(thread),
      recipes_(plan.recipes),
      fills_(plan.fills),
      chooser_(plan.distribution, plan.keyspace, thread, plan.threads),
      prng_(plan.seed + thread * 0x9e3779b97f4a7c15u),
      hit_chance_(static_cast<u64>(std::llround(plan.hit_ratio * static_cast<double>(kAlways)))),
      position_(thread),
      fill_key_(thread) {
  u64 sum = 0;
  u32 keys_max = 1;
  for (const Recipe& recipe : recipes_) {
    sum += recipe.weight;
    weights_up_to_.push_back(sum);
    keys_max = std::max(keys_max, recipe.key_count);
  }
  keys_.resize(keys_max);
  // With more threads than keys, some have nothing to fill.
  if (fill_key_ >= plan_.keyspace) fill_recipe_ = fills_.size();
}

void Traffic::write(Connection& connection, BlockPool& blocks, Recipe& recipe) {
  for (u32 index = 0; index < recipe.key_count; ++index) connection.line.keys.push(keys_[index]);
  BatchWriter out(connection.out, blocks);
  append_request(out, recipe, *plan_.values, [this](u32 index) { return keys_[index]; });
}

void Traffic::issue(Connection& connection, BlockPool& blocks, Nanos since, bool is_measured) {
  if (plan_.replay != nullptr) {
    if (position_ >= plan_.replay->size()) position_ = thread_ % plan_.replay->size();
    connection.line.requests.push({since, 0, false, is_measured});
    connection.line.keys.push(position_);
    connection.out.append(blocks, plan_.replay->request(plan_.replay->line(position_)));
    position_ += plan_.threads;
    return;
  }
  const u16 index = choose_recipe();
  Recipe& recipe = recipes_[index];
  for (u32 i = 0; i < recipe.key_count; ++i) keys_[i] = choose_key(recipe.is_read);
  connection.line.requests.push({since, index, false, is_measured});
  write(connection, blocks, recipe);
}

void Traffic::issue_fill(Connection& connection, BlockPool& blocks, Nanos since) {
  RINGFOLD_ASSERT(!fill_is_over());
  keys_[0] = fill_key_;
  connection.line.requests.push({since, static_cast<u16>(fill_recipe_), true, false});
  write(connection, blocks, fills_[fill_recipe_]);
  fill_key_ += plan_.threads;
  if (fill_key_ < plan_.keyspace) return;
  fill_key_ = thread_;
  ++fill_recipe_;
}

}  // namespace ringfold::load
