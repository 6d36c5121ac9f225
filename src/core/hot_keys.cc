#include "core/hot_keys.h"

#include <algorithm>
#include <cstring>

#include "ringfold/hash/hash.h"

namespace ringfold {

namespace {

// The writer changes an entry in some hundred nanoseconds, once in kHotKeySampling keys.
constexpr u32 kReadTries = 64;

u64 own(const std::atomic<u64>& word) {
  return word.load(std::memory_order_relaxed);
}

void put(std::atomic<u64>& word, u64 value) {
  word.store(value, std::memory_order_release);
}

u64 get(const std::atomic<u64>& word) {
  return word.load(std::memory_order_acquire);
}

bool is_hotter(const HotKey& a, const HotKey& b) {
  return a.count > b.count;
}

}  // namespace

// The entry of this key, a free one, or the one with the smallest count.
u32 HotKeys::find_place(u64 hash) const {
  const u32 used = static_cast<u32>(own(used_));
  for (u32 i = 0; i < used; ++i) {
    if (own(hashes_[i]) == hash) return i;
  }
  if (used < kEntries) return used;
  u32 smallest = 0;
  u64 least = own(counts_[0]);
  for (u32 i = 1; i < kEntries; ++i) {
    const u64 count = own(counts_[i]);
    smallest = count < least ? i : smallest;
    least = std::min(count, least);
  }
  return smallest;
}

void HotKeys::note(std::string_view key) {
  // Two hashes of 32 bits: one alone would take some keys for others in a year of operation.
  const u64 hash = u64{hash_key(HashKind::xxh3, key)} << 32 | hash_key(HashKind::murmur, key);
  const u32 place = find_place(hash);
  Entry& entry = entries_[place];
  const u64 version = own(version_);
  version_.store(version + 1, std::memory_order_relaxed);
  const u64 count = own(counts_[place]);
  const bool is_free = place == own(used_);
  if (is_free || own(hashes_[place]) != hash) {
    put(hashes_[place], hash);
    put(entry.error, is_free ? 0 : count);
    const std::size_t length = std::min(key.size(), HotKey::kPrefixMax);
    std::array<u64, kWords> words = {};
    std::memcpy(words.data(), key.data(), length);
    for (std::size_t i = 0; i < kWords; ++i) put(entry.words[i], words[i]);
    put(entry.length, length);
  }
  put(counts_[place], count + 1);
  if (is_free) put(used_, place + 1);
  put(noted_, own(noted_) + 1);
  version_.store(version + 2, std::memory_order_release);
}

bool HotKeys::read(HotKeyList& list) const {
  for (u32 tries = 0; tries < kReadTries; ++tries) {
    const u64 version = get(version_);
    if (version % 2 != 0) continue;
    list = HotKeyList{};
    list.noted = get(noted_);
    const u32 used = static_cast<u32>(get(used_));
    for (u32 i = 0; i < used; ++i) {
      const Entry& entry = entries_[i];
      HotKey& key = list.keys.emplace_back();
      key.hash = get(hashes_[i]);
      key.count = get(counts_[i]);
      key.error = get(entry.error);
      key.length = static_cast<u8>(get(entry.length));
      std::array<u64, kWords> words;
      for (std::size_t word = 0; word < kWords; ++word) words[word] = get(entry.words[word]);
      std::memcpy(key.bytes.data(), words.data(), HotKey::kPrefixMax);
    }
    if (version_.load(std::memory_order_relaxed) != version) continue;
    std::ranges::sort(list.keys, is_hotter);
    list.missing_max = used == kEntries ? list.keys.back().count : 0;
    return true;
  }
  list = HotKeyList{};
  return false;
}

void HotKeyList::merge(const HotKeyList& other) {
  const std::size_t own_count = keys.size();
  std::vector<bool> is_matched(own_count);
  for (const HotKey& theirs : other.keys) {
    const auto end = keys.begin() + static_cast<std::ptrdiff_t>(own_count);
    const auto found = std::find_if(keys.begin(), end,
                                    [&](const HotKey& each) { return each.hash == theirs.hash; });
    if (found == end) {
      HotKey& added = keys.emplace_back(theirs);
      added.count += missing_max;
      added.error += missing_max;
    } else {
      is_matched[static_cast<std::size_t>(found - keys.begin())] = true;
      found->count += theirs.count;
      found->error += theirs.error;
    }
  }
  for (std::size_t i = 0; i < own_count; ++i) {
    if (is_matched[i]) continue;
    keys[i].count += other.missing_max;
    keys[i].error += other.missing_max;
  }
  noted += other.noted;
  missing_max += other.missing_max;
  std::ranges::sort(keys, is_hotter);
}

}  // namespace ringfold
