// ShardMap: which server of a pool holds a key. Immutable once built, so workers may share one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ringfold/base/error.h"
#include "ringfold/base/ints.h"
#include "ringfold/hash/distributions.h"
#include "ringfold/hash/hash.h"

namespace ringfold {

enum class Distribution : u8 { ketama, modula, random, jump, maglev, rendezvous };

[[nodiscard]] std::optional<Distribution> parse_distribution(std::string_view name);
[[nodiscard]] std::string_view to_string(Distribution distribution);

struct ShardServer {
  std::string name;  // the ring name: the configured name, or default_server_name()
  u32 weight = 1;
  bool live = true;  // false: ejected, out of the ring
};

struct ShardOptions {
  Distribution distribution = Distribution::ketama;
  HashKind hash = HashKind::fnv1a_64;
  std::string hash_tag;  // empty or two bytes: opening and closing

  bool operator==(const ShardOptions&) const = default;
};

// The part of a key that is hashed: what stands between the first opening byte and the first
// closing byte behind it, if that is not empty, else the whole key. tag: empty or two bytes.
[[nodiscard]] std::string_view hashed_part(std::string_view key, std::string_view tag);

class ShardMap {
 public:
  // Servers in configuration order. Requires: 1 to kServersPerPoolMax servers, distinct names. With
  // every server ejected the map is that of all of them (the caller answers with errors).
  [[nodiscard]] static ShardMap build(const ShardOptions& options,
                                      std::span<const ShardServer> servers);

  // The server of a key: an index into the configuration order. random: any number, used only by
  // Distribution::random.
  [[nodiscard]] u32 route(std::string_view key, u64 random) const;

  // True when route() does not depend on the key's bytes alone (Distribution::random with several
  // servers).
  [[nodiscard]] bool random() const {
    return distribution_ == Distribution::random && server_count_ > 1;
  }
  [[nodiscard]] u32 server_count() const { return server_count_; }

 private:
  Distribution distribution_ = Distribution::ketama;
  HashKind hash_ = HashKind::fnv1a_64;
  std::string hash_tag_;
  u32 server_count_ = 0;
  // The table of distribution_; nothing (monostate) with a single configured server.
  std::variant<std::monostate, KetamaRing, ModulaTable, RandomTable, JumpTable, MaglevTable,
               RendezvousTable>
      table_;
};

}  // namespace ringfold
