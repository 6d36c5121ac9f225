// The six ways to spread keys over the servers of a pool, each a table that is built once and then
// only read. ShardMap owns one of them; nothing else uses them but tests.
//
// ketama, modula and random place every key where twemproxy 0.5.0 does (random: with the same
// odds). jump, maglev and rendezvous are ours. As several of the 32-bit hashes leave their high
// bits poor (crc32 has only 15 at all), those three first spread a hash over 64 bits with
// SplitMix64.
//
// Sums of weights are kept in 64 bits, so no weight can make them wrap. Lists of members are in
// twemproxy's order (shorter names first, then by bytes) and hold live servers only, unless said
// otherwise. Every list has at least one live member.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "ringfold/base/ints.h"
#include "ringfold/hash/point_table.h"
#include "ringfold/hash/remainder.h"

namespace ringfold {

// A server as the distributions see it. Owner of the name: whoever builds the table.
struct Member {
  std::string_view name;
  u32 server;  // what find() answers: its index in the configuration
  u32 weight;  // at least 1
  bool live;
};

// The points of twemproxy's ring, in the order it makes them.
[[nodiscard]] std::vector<Point> ketama_points(std::span<const Member> members);

class KetamaRing {
 public:
  explicit KetamaRing(std::span<const Member> members);
  [[nodiscard]] u32 find(u32 hash) const { return ring_.find(hash); }

 private:
  PointTable ring_;
};

// The members' ranges of numbers, end to end from 0, each as long as its weight; what lies above
// 2^32 - 1 is cut off. Ranges are points at their last number.
[[nodiscard]] PointTable lay_ranges(std::span<const Member> members);

// hash modulo the sum of weights; each member has as many remainders, in a row, as its weight.
class ModulaTable {
 public:
  explicit ModulaTable(std::span<const Member> members);
  [[nodiscard]] u32 find(u32 hash) const {
    return ranges_.find(reduced_ ? remainder_.of(hash) : hash);
  }

 private:
  PointTable ranges_;
  Remainder remainder_;
  bool reduced_ = true;  // false: the sum is past every hash, which is its own remainder
};

// Any live server, whatever the key; weights are ignored, as in twemproxy.
class RandomTable {
 public:
  explicit RandomTable(std::span<const Member> members);
  [[nodiscard]] u32 find(u64 random) const { return servers_[random % servers_.size()]; }

 private:
  std::vector<u16> servers_;
};

// Jump consistent hash: the bucket of a key among bucket_count.
// Source: Lamping and Veach, "A fast, minimal memory, consistent hash algorithm", 2014.
// Requires: 1 <= bucket_count <= 2^31.
[[nodiscard]] u32 jump_bucket(u64 key, u32 bucket_count);

// Jump over virtual buckets: each server has as many as its weight, in configuration order. A
// server added at the end of the list, or more weight for the last one, takes its share of keys
// from all others and moves no further key; a change in the middle moves many. (When the weights
// add up to more than 2^30, all are halved until they do not.) A key whose server is ejected jumps
// again from the next number of its SplitMix64 sequence until it meets a live one, so ejecting a
// server moves only that server's keys, and spreads them by weight.
class JumpTable {
 public:
  // Members in configuration order, with the ejected ones.
  explicit JumpTable(std::span<const Member> members);
  [[nodiscard]] u32 find(u32 hash) const;

 private:
  PointTable ranges_;       // bucket to server
  PointTable live_ranges_;  // the same over the live servers only
  std::vector<u8> live_;    // by server
  u32 bucket_count_ = 0;
  u32 live_bucket_count_ = 0;
};

// Maglev: a table of 65537 slots, filled by the servers in turns, each by a permutation of its own.
// Source: Eisenbud et al., "Maglev: a fast and reliable software network load balancer", 2016,
// section 3.4. Turns are taken in proportion to weight, so shares are exact to about a slot; a
// server with less than 1/65537 of the weight may get none.
// Other than in the paper the ejected servers take part at first, and then only their slots are
// dealt again: ejecting a server moves no key of another one.
class MaglevTable {
 public:
  // A prime, and more than 60 slots for each of kServersPerPoolMax servers.
  static constexpr u32 kSlotCount = 65537;

  // Members in twemproxy's order, with the ejected ones.
  explicit MaglevTable(std::span<const Member> members);
  [[nodiscard]] u32 find(u32 hash) const;

 private:
  std::vector<u16> slots_;  // the server of each slot
};

// Rendezvous, or highest random weight: each server draws a number u from (0, 1) for the key, and
// the one with the least -ln(u) / weight has it. Shares are exactly by weight, adding or ejecting
// any server moves only what it must, and the order of the list does not count; but a look-up takes
// about two nanoseconds for each server.
// Sources: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998;
// Schindler and Schomaker, "Weighted distributed hash tables", 2005, logarithmic method.
class RendezvousTable {
 public:
  explicit RendezvousTable(std::span<const Member> members);
  [[nodiscard]] u32 find(u32 hash) const;

 private:
  struct Contender {
    u64 seed;  // XXH3 of its name: the draw depends on name and key only
    double weight;
    double inverse_weight;
    u32 server;
  };
  [[nodiscard]] u32 find_exactly(u64 spread, std::span<const double> least_costs,
                                 double limit) const;

  std::vector<Contender> contenders_;
};

}  // namespace ringfold
