// Store: what the backend would hold if it held anything. Which keys exist, how long their values
// are and what is in them follows from the keys, so nothing is ever kept, and the load generator
// knows the same.
#pragma once

#include <string_view>

#include "load/key_names.h"
#include "load/values.h"
#include "ringfold/base/ints.h"

namespace ringfold::backend {

// The number at the end of a key, as far as the last twelve digits say it ("key:000000012345",
// "memtier-12345"); of a key without digits one that follows from all its bytes.
[[nodiscard]] u64 number_of_key(std::string_view key);

class Store {
 public:
  // hit_ratio: the share of all keys that exist, besides those that never do (kMissingFrom).
  // Requires: values outlives this.
  Store(const load::Values& values, double hit_ratio)
      : values_(values), hits_below_(static_cast<u64>(hit_ratio * 0x1p32)) {}

  struct Item {
    u64 number = 0;
    bool exists = false;
  };

  [[nodiscard]] Item find(std::string_view key) const {
    const u64 number = number_of_key(key);
    const bool hits = ((number * 0xd6e8feb86659fd93u) >> 32) < hits_below_;
    return {number, hits && number < load::kMissingFrom};
  }

  // Requires of the following: item.exists.
  [[nodiscard]] u32 size_of(const Item& item) const { return values_.size_of(item.number); }

  // Out is anything with append(std::string_view).
  template <class Out>
  void append_value(Out& out, const Item& item, u32 size) const {
    values_.append_cut(out, item.number, size);
  }

 private:
  const load::Values& values_;
  u64 hits_below_;  // of 2^32
};

}  // namespace ringfold::backend
