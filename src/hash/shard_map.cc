#include "ringfold/hash/shard_map.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "ringfold/base/assert.h"
#include "ringfold/base/limits.h"

namespace ringfold {

namespace {

// In the order of Distribution.
constexpr std::array<std::string_view, 6> kDistributionNames = {"ketama", "modula", "random",
                                                                "jump",   "maglev", "rendezvous"};
static_assert(kDistributionNames.size() == static_cast<std::size_t>(Distribution::rendezvous) + 1);

// twemproxy's order, on which modula's ranges and the ring's ties depend: shorter names first,
// names of one length by unsigned bytes.
bool comes_first(const Member& a, const Member& b) {
  if (a.name.size() != b.name.size()) return a.name.size() < b.name.size();
  return a.name < b.name;
}

}  // namespace

std::optional<Distribution> parse_distribution(std::string_view name) {
  for (std::size_t index = 0; index < kDistributionNames.size(); ++index) {
    if (kDistributionNames[index] == name) return static_cast<Distribution>(index);
  }
  return std::nullopt;
}

std::string_view to_string(Distribution distribution) {
  return kDistributionNames[static_cast<std::size_t>(distribution)];
}

std::string_view hashed_part(std::string_view key, std::string_view tag) {
  if (tag.empty()) return key;
  RINGFOLD_DEBUG_ASSERT(tag.size() == 2);
  const std::size_t opening = key.find(tag[0]);
  if (opening == std::string_view::npos) return key;
  const std::size_t closing = key.find(tag[1], opening + 1);
  if (closing == std::string_view::npos) return key;
  const std::size_t length = closing - opening - 1;
  return length > 0 ? key.substr(opening + 1, length) : key;
}

ShardMap ShardMap::build(const ShardOptions& options, std::span<const ShardServer> servers) {
  RINGFOLD_ASSERT(!servers.empty());
  RINGFOLD_ASSERT(servers.size() <= kServersPerPoolMax);
  RINGFOLD_ASSERT(options.hash_tag.empty() || options.hash_tag.size() == 2);
  const bool all_ejected =
      std::none_of(servers.begin(), servers.end(), [](const auto& server) { return server.live; });
  std::vector<Member> configured;
  configured.reserve(servers.size());
  for (const ShardServer& server : servers) {
    RINGFOLD_ASSERT(server.weight > 0);
    const u32 index = static_cast<u32>(configured.size());
    configured.push_back({server.name, index, server.weight, server.live || all_ejected});
  }
  std::vector<Member> sorted = configured;
  std::sort(sorted.begin(), sorted.end(), comes_first);
  std::vector<Member> live;
  std::copy_if(sorted.begin(), sorted.end(), std::back_inserter(live),
               [](const Member& member) { return member.live; });

  ShardMap map;
  map.distribution_ = options.distribution;
  map.hash_ = options.hash;
  map.hash_tag_ = options.hash_tag;
  map.server_count_ = static_cast<u32>(servers.size());
  if (map.server_count_ == 1) return map;  // nothing to choose
  switch (options.distribution) {
    case Distribution::ketama:
      map.table_.emplace<KetamaRing>(live);
      break;
    case Distribution::modula:
      map.table_.emplace<ModulaTable>(live);
      break;
    case Distribution::random:
      map.table_.emplace<RandomTable>(live);
      break;
    case Distribution::jump:
      map.table_.emplace<JumpTable>(configured);
      break;
    case Distribution::maglev:
      map.table_.emplace<MaglevTable>(sorted);
      break;
    case Distribution::rendezvous:
      map.table_.emplace<RendezvousTable>(live);
      break;
  }
  return map;
}

u32 ShardMap::route(std::string_view key, u64 random) const {
  if (server_count_ <= 1) return 0;
  if (const auto* any = std::get_if<RandomTable>(&table_)) return any->find(random);
  const u32 hash = hash_key(hash_, hashed_part(key, hash_tag_));
  // build() has put the distribution's own table there, so get_if never answers with null.
  switch (distribution_) {
    case Distribution::ketama:
      return std::get_if<KetamaRing>(&table_)->find(hash);
    case Distribution::modula:
      return std::get_if<ModulaTable>(&table_)->find(hash);
    case Distribution::jump:
      return std::get_if<JumpTable>(&table_)->find(hash);
    case Distribution::maglev:
      return std::get_if<MaglevTable>(&table_)->find(hash);
    case Distribution::rendezvous:
      return std::get_if<RendezvousTable>(&table_)->find(hash);
    case Distribution::random:
      break;  // answered above
  }
  __builtin_unreachable();
}

}  // namespace ringfold
