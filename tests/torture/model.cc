#include "model.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "ringfold/base/assert.h"
#include "value.h"

namespace ringfold::torture {

namespace {

// No command lives this long: the driver calls it a hang before.
constexpr Nanos kCommandLife = 60 * kSecond;

constexpr std::size_t kHuge = 32_MiB;
constexpr u32 kHugeInFlight = 1;
constexpr u32 kLargeInFlight = 8;
// Of so many keys picked, one is of that kind. The rest is small.
constexpr u64 kOneOfHuge = 100'000;
constexpr u64 kOneOfLarge = 800;
constexpr u64 kOneOfMedium = 30;

KeyKind kind_of(u32 index, u32 count) {
  const u32 from_end = count - index;
  if (from_end <= 2) return KeyKind::huge;
  if (from_end <= 18) return KeyKind::large;
  if (from_end <= 18 + count / 20) return KeyKind::medium;
  if (from_end <= 18 + count / 20 + count / 10) return KeyKind::counter;
  return KeyKind::small;
}

bool is_prime(u64 number) {
  for (u64 factor = 2; factor * factor <= number; ++factor) {
    if (number % factor == 0) return false;
  }
  return true;
}

}  // namespace

Model::Model(u64 seed, u32 key_count, std::vector<std::string> servers, bool rehash)
    : keys_(key_count), rehash_(rehash) {
  Prng prng(seed);
  u64 step = 1'000'000;
  for (u32 index = 0; index < key_count; ++index) {
    Key& key = keys_[index];
    key.kind = kind_of(index, key_count);
    key.name = fmt::format("{:016x}-{}", prng.next(), index);
    of_kind_[static_cast<std::size_t>(key.kind)].push_back(index);
    if (key.kind != KeyKind::counter) continue;
    // Different primes: a multiple of one is no small multiple of another.
    do {
      ++step;
    } while (!is_prime(step));
    key.step = step;
  }
  for (std::string& server : servers) {
    servers_.push_back({});
    servers_.back().name = std::move(server);
  }
}

u32 Model::pick(Prng& prng, bool only_small) {
  KeyKind kind = KeyKind::small;
  if (!only_small) {
    if (prng.chance(1, kOneOfHuge)) {
      if (in_flight_[static_cast<std::size_t>(KeyKind::huge)] < kHugeInFlight) kind = KeyKind::huge;
    } else if (prng.chance(1, kOneOfLarge)) {
      if (in_flight_[static_cast<std::size_t>(KeyKind::large)] < kLargeInFlight)
        kind = KeyKind::large;
    } else if (prng.chance(1, kOneOfMedium)) {
      kind = KeyKind::medium;
    }
  }
  const std::vector<u32>& keys = of_kind_[static_cast<std::size_t>(kind)];
  return keys[prng.below(keys.size())];
}

u32 Model::pick_counter(Prng& prng) {
  const std::vector<u32>& keys = of_kind_[static_cast<std::size_t>(KeyKind::counter)];
  return keys[prng.below(keys.size())];
}

std::size_t Model::pick_size(Prng& prng, u32 key) {
  const std::size_t shortest = shortest_value(keys_[key].name);
  switch (keys_[key].kind) {
    case KeyKind::medium:
      return shortest + prng.below(24_KiB);
    case KeyKind::large:
      return shortest + prng.below(3_MiB);
    case KeyKind::huge:
      return kHuge - prng.below(1_MiB);
    default:
      return shortest + prng.below(prng.chance(1, 4) ? 600 : 60);
  }
}

u64 Model::floor_now(const Key& key) const {
  return std::max(key.floor, servers_[key.home].floor);
}

Use Model::begin(Op op, u32 index) {
  Key& key = keys_[index];
  const ServerState& server = servers_[key.home];
  ++in_flight_[static_cast<std::size_t>(key.kind)];
  if (key.unknown_erase_until != 0 && key.unknown_erase_until < now_) {
    key.unknown_erase_until = 0;
    key.erased_until = ++tick_;
  }
  Use use;
  use.key = index;
  use.op = op;
  use.began = ++tick_;
  use.floor = floor_now(key);
  use.kills = server.kills;
  use.certain = key.certain;
  use.wiped = key.wiped;
  use.known_to_exist = key.known_to_exist;
  if (op == Op::write && !rehash_) key.records.push_back({use.began, kEver, kNever});
  if (op == Op::erase) ++key.erases_in_flight;
  if (op == Op::increment) ++key.issued;
  return use;
}

void Model::end(const Use& use, Effect effect) {
  Key& key = keys_[use.key];
  u32& in_flight = in_flight_[static_cast<std::size_t>(key.kind)];
  RINGFOLD_ASSERT(in_flight > 0);
  --in_flight;
  ++tick_;
  switch (use.op) {
    case Op::read:
      return;
    case Op::write:
      return end_write(key, use, effect);
    case Op::erase:
      return end_erase(key, use, effect);
    case Op::add:
    case Op::increment:
      return end_increment(key, use, effect);
  }
}

void Model::end_write(Key& key, const Use& use, Effect effect) {
  if (rehash_) return;  // check_value does without records
  const auto record =
      std::lower_bound(key.records.begin(), key.records.end(), use.began,
                       [](const Record& entry, u64 token) { return entry.token < token; });
  RINGFOLD_ASSERT(record != key.records.end() && record->token == use.began);
  if (effect == Effect::never) {
    key.records.erase(record);
    return;
  }
  if (effect == Effect::unknown) {
    record->gone_at = now_ + kUnknownLife;
    return;
  }
  record->ended = tick_;
  key.floor = std::max(key.floor, use.began);
  forget_old(key);
}

void Model::end_erase(Key& key, const Use& use, Effect effect) {
  --key.erases_in_flight;
  if (effect == Effect::unknown) key.unknown_erase_until = now_ + kUnknownLife;
  if (effect != Effect::done) return;
  key.erased_until = tick_;
  key.floor = std::max(key.floor, use.began);
}

void Model::end_increment(Key& key, const Use& use, Effect effect) {
  const ServerState& server = servers_[key.home];
  const bool in_this_life = !server.killing && server.kills == use.kills;
  if (effect == Effect::never && use.op == Op::increment) --key.issued;
  if (effect != Effect::done) return;
  if (in_this_life) key.known_to_exist = true;
  if (use.op != Op::increment) return;
  ++key.ended;
  if (in_this_life) ++key.certain;
}

// Drops the records that no read which may still come can show.
void Model::forget_old(Key& key) {
  if (now_ - key.tidied_at < kSecond) return;
  key.tidied_at = now_;
  if (now_ - key.rolled_at > kCommandLife) {
    key.floor_of_old = key.floor_of_late;
    key.floor_of_late = key.floor;
    key.rolled_at = now_;
  }
  for (Record& record : key.records) {
    if (record.ended == kEver && record.gone_at < now_) record.ended = tick_;
  }
  while (!key.records.empty() && key.records.front().ended < key.floor_of_old) {
    key.records.pop_front();
  }
}

const Model::Record* Model::find(const Key& key, u64 token) const {
  const auto record =
      std::lower_bound(key.records.begin(), key.records.end(), token,
                       [](const Record& entry, u64 wanted) { return entry.token < wanted; });
  return record != key.records.end() && record->token == token ? &*record : nullptr;
}

bool Model::was_killed_since(const Use& use) const {
  const ServerState& server = servers_[keys_[use.key].home];
  return server.killing || server.kills != use.kills;
}

std::string Model::check_value(const Use& use, std::string_view value) const {
  const Key& key = keys_[use.key];
  u64 token = 0;
  std::string problem = examine_value(value, key.name, token);
  if (!problem.empty()) return problem;
  if (rehash_) return token <= tick_ ? "" : "a value of the future";
  const Record* record = find(key, token);
  if (record == nullptr) {
    return fmt::format("the value of write {:x}, which was never sent whole or is long over",
                       token);
  }
  if (record->ended >= use.floor) return {};
  return fmt::format("a stale value: write {:x} ended at {:x}, and a later change began at {:x}",
                     token, record->ended, use.floor);
}

std::string Model::check_missing(const Use& use) const {
  if (may_be_missing(use)) return {};
  return "the key is missing, though nothing can have removed it";
}

bool Model::may_be_there(const Use& use) const {
  const Key& key = keys_[use.key];
  if (rehash_) return true;
  if (key.kind == KeyKind::counter) return key.issued > 0 || key.known_to_exist;
  return std::any_of(key.records.rbegin(), key.records.rend(),
                     [&](const Record& record) { return record.ended >= use.floor; });
}

bool Model::may_be_missing(const Use& use) const {
  const Key& key = keys_[use.key];
  if (rehash_) return true;
  if (key.kind == KeyKind::counter) return !use.known_to_exist || was_killed_since(use);
  const ServerState& server = servers_[key.home];
  const u64 own_erases = use.op == Op::erase ? 1 : 0;
  return key.erased_until >= use.floor || key.erases_in_flight > own_erases ||
         key.unknown_erase_until != 0 || server.killing || server.emptied_until >= use.floor;
}

std::string Model::check_counter(const Use& use, std::string_view digits) const {
  const Key& key = keys_[use.key];
  u64 value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code != std::errc() || end != digits.data() + digits.size()) return "no number";
  if (value % key.step != 0) {
    return fmt::format("{} is no multiple of this counter's step {}", value, key.step);
  }
  const u64 count = value / key.step;
  if (rehash_) return count <= key.issued ? "" : "more was added than was ever asked for";
  const u64 own = use.op == Op::increment ? 1 : 0;
  const u64 least = was_killed_since(use) ? own : use.certain + own;
  const u64 most = key.issued - use.wiped;
  if (count >= least && count <= most) return {};
  return fmt::format("a count of {} steps, which must be from {} to {}: {}", count, least, most,
                     describe(use));
}

void Model::kill_begins(u32 index) {
  ServerState& server = servers_[index];
  server.killing = true;
  server.kill_began = ++tick_;
  for (Key& key : keys_) {
    if (key.home != index) continue;
    key.ended_at_kill = key.ended;
    key.certain = 0;
    key.known_to_exist = false;
  }
}

void Model::kill_ends(u32 index) {
  ServerState& server = servers_[index];
  server.killing = false;
  ++server.kills;
  server.floor = server.kill_began;
  server.emptied_until = ++tick_;
  for (Key& key : keys_) {
    if (key.home == index) key.wiped = key.ended_at_kill;
  }
}

std::string Model::describe(const Use& use) const {
  const Key& key = keys_[use.key];
  const ServerState& server = servers_[key.home];
  std::string text = fmt::format(
      "key {} at {}: began {:x}, floor {:x} (now {:x}), may be missing: {}, erased until {:x}, "
      "erases in flight {}, server killed {} times, emptied until {:x}",
      key.name, server.name, use.began, use.floor, floor_now(key), may_be_missing(use),
      key.erased_until, key.erases_in_flight, server.kills, server.emptied_until);
  if (key.kind == KeyKind::counter) {
    text += fmt::format(", step {}, issued {}, ended {}, wiped {}, certain {}", key.step,
                        key.issued, key.ended, use.wiped, use.certain);
  }
  text += "; writes (token, ended):";
  const std::size_t skipped = key.records.size() > 20 ? key.records.size() - 20 : 0;
  for (std::size_t index = skipped; index < key.records.size(); ++index) {
    const Record& record = key.records[index];
    if (record.ended == kEver) {
      text += fmt::format(" {:x} {}", record.token, record.gone_at == kNever ? "-" : "?");
    } else {
      text += fmt::format(" {:x} {:x}", record.token, record.ended);
    }
  }
  return text;
}

}  // namespace ringfold::torture
