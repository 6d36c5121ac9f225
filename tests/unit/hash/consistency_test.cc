// What jump, maglev and rendezvous promise: shares by weight, few keys moved, the same answer on
// every machine.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "hash/negative_log.h"
#include "pools.h"
#include "ringfold/base/prng.h"
#include "ringfold/hash/distributions.h"
#include "ringfold/hash/shard_map.h"

using namespace ringfold;
using namespace ringfold::testing;

namespace {

constexpr std::array kConsistent = {Distribution::jump, Distribution::maglev,
                                    Distribution::rendezvous};
constexpr u64 kKeyCount = 30000;

std::vector<u32> route_all(Distribution distribution, const std::vector<ShardServer>& servers,
                           HashKind hash = HashKind::xxh3) {
  const auto map = ShardMap::build({distribution, hash, ""}, servers);
  std::vector<u32> routes;
  routes.reserve(kKeyCount);
  for (u64 index = 0; index < kKeyCount; ++index) routes.push_back(map.route(make_key(index), 0));
  return routes;
}

// Five standard deviations of a count of keys that each come with the same probability, and for
// maglev two slots more, by which a server's share of its table may miss its weight.
double allowed_error(double probability, double key_count) {
  return 5 * std::sqrt(key_count * probability * (1 - probability)) +
         2 * key_count / MaglevTable::kSlotCount;
}

void check_shares(const std::vector<u32>& routes, const std::vector<ShardServer>& servers) {
  std::vector<double> counts(servers.size());
  for (const u32 server : routes) counts[server] += 1;
  double total_weight = 0;
  for (const ShardServer& server : servers) total_weight += server.live ? server.weight : 0;
  for (std::size_t index = 0; index < servers.size(); ++index) {
    const double share = servers[index].live ? servers[index].weight / total_weight : 0;
    const double key_count = static_cast<double>(routes.size());
    CHECK(std::abs(counts[index] - key_count * share) <= allowed_error(share, key_count));
  }
}

}  // namespace

TEST_CASE("shares follow weights within five standard deviations") {
  for (const Distribution distribution : kConsistent) {
    for (const u32 server_count : {2u, 3u, 4u, 10u, 100u}) {
      for (const auto weights : {std::initializer_list<u32>{1}, {1, 2, 3}, {100, 1, 37, 250}}) {
        auto servers = make_servers(server_count, weights);
        check_shares(route_all(distribution, servers), servers);
        servers[server_count / 2].live = false;
        check_shares(route_all(distribution, servers), servers);
      }
    }
  }
}

TEST_CASE("shares stay fair under hashes with poor high bits") {
  // As long as the hash itself tells the keys apart: crc32 has 32768 values only.
  for (const Distribution distribution : kConsistent) {
    for (const HashKind hash : {HashKind::crc32, HashKind::crc16, HashKind::fnv1a_64}) {
      const auto servers = make_servers(4);
      std::vector<double> counts(servers.size());
      for (const u32 server : route_all(distribution, servers, hash)) counts[server] += 1;
      for (const double count : counts) CHECK(std::abs(count / kKeyCount - 0.25) < 0.02);
    }
  }
}

TEST_CASE("ejecting a server moves its keys only, and spreads them by weight") {
  for (const Distribution distribution : kConsistent) {
    const auto servers = make_servers(8, {1, 2, 3});
    const auto before = route_all(distribution, servers);
    for (u32 ejected = 0; ejected < servers.size(); ++ejected) {
      auto fewer = servers;
      fewer[ejected].live = false;
      const auto after = route_all(distribution, fewer);
      u64 moved_without_need = 0;
      std::vector<u32> moved;
      for (u64 index = 0; index < kKeyCount; ++index) {
        if (before[index] == ejected) {
          moved.push_back(after[index]);
        } else if (before[index] != after[index]) {
          ++moved_without_need;
        }
      }
      CHECK(moved_without_need == 0);
      CHECK(moved.size() > 0);
      check_shares(moved, fewer);
    }
  }
}

TEST_CASE("ejecting a second server leaves the keys of the others alone") {
  for (const Distribution distribution : kConsistent) {
    auto servers = make_servers(10);
    const auto with_all = route_all(distribution, servers);
    servers[3].live = false;
    const auto with_nine = route_all(distribution, servers);
    servers[6].live = false;
    const auto with_eight = route_all(distribution, servers);
    u64 moved_from_home = 0, moved_again = 0;
    for (u64 index = 0; index < kKeyCount; ++index) {
      if (with_nine[index] == 6 || with_nine[index] == with_eight[index]) continue;
      // Only a key that had lost its server before may be moved from a live one, by maglev.
      (with_all[index] == 3 ? moved_again : moved_from_home) += 1;
    }
    CHECK(moved_from_home == 0);
    if (distribution != Distribution::maglev) CHECK(moved_again == 0);
    CHECK(moved_again < kKeyCount / 50);
  }
}

TEST_CASE("a server added at the end takes its share and moves little else") {
  for (const Distribution distribution : kConsistent) {
    const auto servers = make_servers(9, {2, 1});
    auto more = servers;
    more.push_back({"new", 3, true});
    const auto before = route_all(distribution, servers);
    const auto after = route_all(distribution, more);
    u64 taken = 0, moved_elsewhere = 0;
    for (u64 index = 0; index < kKeyCount; ++index) {
      if (after[index] == 9) {
        ++taken;
      } else if (after[index] != before[index]) {
        ++moved_elsewhere;
      }
    }
    const double share = 3.0 / (14 + 3);
    CHECK(std::abs(static_cast<double>(taken) - kKeyCount * share) <=
          allowed_error(share, kKeyCount));
    if (distribution != Distribution::maglev) CHECK(moved_elsewhere == 0);
    // The paper's own price for a new back end: a few per cent of the table.
    CHECK(moved_elsewhere < kKeyCount / 20);
  }
}

TEST_CASE("jump still answers by weight with nearly everything ejected") {
  auto servers = make_servers(500);
  for (ShardServer& server : servers) server.live = false;
  servers[17].live = true;
  servers[400].live = true;
  servers[400].weight = 3;
  check_shares(route_all(Distribution::jump, servers), servers);
}

TEST_CASE("jump gives the answers of other implementations") {
  // Known answers that several ports of the paper's function share in their tests.
  CHECK(jump_bucket(1, 1) == 0);
  CHECK(jump_bucket(42, 57) == 43);
  CHECK(jump_bucket(0xDEAD10CC, 1) == 0);
  CHECK(jump_bucket(0xDEAD10CC, 666) == 361);
  CHECK(jump_bucket(256, 1024) == 520);
  CHECK(jump_bucket(UINT64_MAX, 1u << 31) < 1u << 31);
}

TEST_CASE("the logarithm of rendezvous is close to the true one and between its bounds") {
  Prng prng(5);
  u32 wrong = 0;
  for (int tries = 0; tries < 1000000; ++tries) {
    // All magnitudes, near 0 and near 1.
    u64 random = prng.next() >> prng.below(64);
    if (prng.chance(1, 2)) random = ~random;
    const double x = unit_fraction(random);
    const double log = negative_log(x);
    const double truth = -std::log1p(-x);
    if (!(x > 0 && x < 1)) ++wrong;
    if (!(std::abs(log - truth) <= truth * 1e-11)) ++wrong;
    if (!(negative_log_at_least(x) <= log * (1 + 1e-11))) ++wrong;
    if (!(negative_log_at_most(x) * (1 + 1e-11) >= log)) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(unit_fraction(0) > 0);
  CHECK(unit_fraction(UINT64_MAX) < 1);
  CHECK(negative_log(unit_fraction(UINT64_MAX)) == doctest::Approx(53 * std::log(2.0)));
}

TEST_CASE("places of keys are the same on every machine and for ever") {
  // Recorded once, and reproduced by a second implementation in Python. A change here moves the
  // data of every user: it is never to be "updated".
  auto servers = make_servers(10, {1, 2, 3});
  servers[2].live = false;
  const auto digest_of = [&](Distribution distribution) {
    const auto map = ShardMap::build({distribution, HashKind::fnv1a_64, "{}"}, servers);
    u32 digest = 2166136261u;
    for (u64 index = 0; index < 10000; ++index) {
      digest = (digest ^ map.route(make_key(index), 0)) * 16777619u;
    }
    return digest;
  };
  const auto first_of = [&](Distribution distribution) {
    const auto map = ShardMap::build({distribution, HashKind::fnv1a_64, "{}"}, servers);
    std::string servers_of_keys;
    for (u64 index = 0; index < 24; ++index) {
      servers_of_keys += static_cast<char>('0' + map.route(make_key(index), 0));
    }
    return servers_of_keys;
  };
  CHECK(first_of(Distribution::jump) == "050814853177844786347787");
  CHECK(first_of(Distribution::maglev) == "355414385641740954751457");
  CHECK(first_of(Distribution::rendezvous) == "535175944788993118588818");
  CHECK(digest_of(Distribution::ketama) == 1893651287u);
  CHECK(digest_of(Distribution::modula) == 704774332u);
  CHECK(digest_of(Distribution::jump) == 2615219610u);
  CHECK(digest_of(Distribution::maglev) == 3809130367u);
  CHECK(digest_of(Distribution::rendezvous) == 474713154u);
}

TEST_CASE("every slot of a maglev table is the same on every machine and for ever") {
  // Recorded like the places above. The hashes 0 to 2^20 - 1 meet all 65537 slots.
  std::vector<std::string> names;
  for (u32 server = 0; server < 10; ++server) names.push_back(server_name(server));
  std::vector<Member> members;
  for (u32 server = 0; server < 10; ++server) {
    members.push_back({names[server], server, 1 + server % 3, server != 2});
  }
  const MaglevTable table(members);
  u32 digest = 2166136261u;
  for (u32 hash = 0; hash < 1u << 20; ++hash) digest = (digest ^ table.find(hash)) * 16777619u;
  CHECK(digest == 1843693972u);
}
