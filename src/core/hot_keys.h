// HotKeys: which keys are asked for most, from a sample: Space-Saving (Metwally, Agrawal and El
// Abbadi, "Efficient computation of frequent and top-k elements in data streams", 2005) in fixed
// memory. One thread writes; any other reads without a lock.
//
// Of the n keys that were noted, each that makes up more than n / kEntries is among the entries,
// and an entry's count is too high by at most its error, never too low.
#pragma once

#include <array>
#include <atomic>
#include <string_view>
#include <vector>

#include "ringfold/base/ints.h"

namespace ringfold {

// One key of so many is noted, on average; the gaps are random, so that no pattern in the keys
// can hide behind them.
inline constexpr u32 kHotKeySampling = 64;

struct HotKey {
  static constexpr std::size_t kPrefixMax = 32;

  u64 hash = 0;  // of the whole key: two keys with the same hash count as one
  u64 count = 0;
  u64 error = 0;
  u8 length = 0;  // of the prefix
  std::array<char, kPrefixMax> bytes = {};

  std::string_view prefix() const { return {bytes.data(), length}; }
};

// What was read of one worker's, or of several merged.
struct HotKeyList {
  u64 noted = 0;
  u64 missing_max = 0;       // a key that is not in the list was noted at most so often
  std::vector<HotKey> keys;  // the hottest first

  // Adds what another worker noted; keeps the bounds (Agarwal et al., "Mergeable summaries", 2012).
  void merge(const HotKeyList& other);
};

class HotKeys {
 public:
  static constexpr u32 kEntries = 64;

  // The writer's thread.
  void note(std::string_view key);

  // Any thread. Nothing: it was being written in each of a few tries.
  [[nodiscard]] bool read(HotKeyList& list) const;

 private:
  static constexpr std::size_t kWords = HotKey::kPrefixMax / 8;

  // Words of their own, so that a reader never sees half of one; `version` is odd while an entry
  // changes (a sequence lock; Boehm, "Can seqlocks get along with programming language memory
  // models?", 2012, with release stores and acquire loads of the data in place of fences).
  struct Entry {
    std::atomic<u64> error{0};
    std::atomic<u64> length{0};
    std::array<std::atomic<u64>, kWords> words = {};
  };

  u32 find_place(u64 hash) const;

  std::atomic<u64> version_{0};
  std::atomic<u64> noted_{0};
  std::atomic<u64> used_{0};
  // Apart from the rest of the entries, because each sample looks through them.
  std::array<std::atomic<u64>, kEntries> hashes_ = {};
  std::array<std::atomic<u64>, kEntries> counts_ = {};
  std::array<Entry, kEntries> entries_;
};

}  // namespace ringfold
