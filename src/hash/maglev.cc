#include <algorithm>
#include <limits>

#include "hash/name_hash.h"
#include "ringfold/base/assert.h"
#include "ringfold/base/limits.h"
#include "ringfold/base/prng.h"
#include "ringfold/hash/distributions.h"

namespace ringfold {

namespace {

constexpr u32 kSlotCount = MaglevTable::kSlotCount;
constexpr u16 kFree = std::numeric_limits<u16>::max();
static_assert(kServersPerPoolMax <= kFree);

// The two hashes of a name; any constants would do, but these may never change.
constexpr u64 kOffsetSeed = 0;
constexpr u64 kSkipSeed = 1;

// Deals the free slots. In a round of turns the heaviest server takes one, the others one as often
// as their weight says: credit grows by the weight and a turn costs the greatest weight.
class Dealer {
 public:
  explicit Dealer(std::span<const Member> members) {
    for (const Member& member : members) {
      const u32 offset = static_cast<u32>(name_hash(member.name, kOffsetSeed) % kSlotCount);
      const u32 skip = static_cast<u32>(name_hash(member.name, kSkipSeed) % (kSlotCount - 1)) + 1;
      players_.push_back({member.weight, 0, offset, skip, static_cast<u16>(member.server)});
      turn_cost_ = std::max<u64>(turn_cost_, member.weight);
    }
  }

  void deal(std::span<u16> slots, std::size_t free_count) {
    RINGFOLD_ASSERT(!players_.empty());
    while (free_count > 0) {
      for (Player& player : players_) {
        player.credit += player.weight;
        if (player.credit < turn_cost_) continue;
        player.credit -= turn_cost_;
        // skip and the number of slots have no common factor, so this meets every slot.
        while (slots[player.next] != kFree) step(player);
        slots[player.next] = player.server;
        if (--free_count == 0) return;
      }
    }
  }

 private:
  struct Player {
    u64 weight;
    u64 credit;
    u32 next;  // the slot of its permutation that it looks at next
    u32 skip;
    u16 server;
  };

  static void step(Player& player) {
    player.next += player.skip;
    if (player.next >= kSlotCount) player.next -= kSlotCount;
  }

  std::vector<Player> players_;
  u64 turn_cost_ = 0;
};

}  // namespace

MaglevTable::MaglevTable(std::span<const Member> members) : slots_(kSlotCount, kFree) {
  Dealer(members).deal(slots_, kSlotCount);
  std::vector<Member> live;
  std::vector<u8> is_live(kServersPerPoolMax);
  for (const Member& member : members) {
    if (!member.live) continue;
    live.push_back(member);
    is_live[member.server] = 1;
  }
  std::size_t freed_count = 0;
  for (u16& server : slots_) {
    if (is_live[server] != 0) continue;
    server = kFree;
    ++freed_count;
  }
  Dealer(live).deal(slots_, freed_count);
}

u32 MaglevTable::find(u32 hash) const {
  const u64 spread = Prng(hash).next() >> 32;
  return slots_[spread * kSlotCount >> 32];
}

}  // namespace ringfold
