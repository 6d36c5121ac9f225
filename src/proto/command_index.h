// The index from a command's name to its row: a perfect hash, built by the compiler from the rows,
// so that a lookup is one probe and one compare and a new row needs nothing but itself. Used by
// resp_commands.cc (which builds it) and resp_command_lookup.cc (which probes it).
//
// The scheme is hash and displace (Belazzougui, Botelho, Dietzfelbinger, "Hash, displace, and
// compress", 2009): a name's hash picks a bucket, and each bucket has a displacement, chosen when
// the index is built, that sends all its names to slots nobody else has.
#pragma once

#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "ringfold/proto/command.h"

namespace ringfold::resp {

// The longest top-level name is georadiusbymember_ro with 20 bytes; three words hold 24.
inline constexpr std::size_t kFoldedWords = 3;
inline constexpr std::size_t kFoldedLengthMax = kFoldedWords * sizeof(u64);

// A name as words, its letters in lower case, zeros behind its end. Together with its length it is
// as good as the name: a name that ends in a zero byte has another length.
using FoldedName = std::array<u64, kFoldedWords>;

// Turns the letters A to Z among eight bytes to lower case and leaves every other byte alone:
// adding 0x3f carries a seven-bit byte from 'A' on into its high bit, adding 0x25 one behind 'Z',
// and a byte with its high bit set is never a letter. No sum leaves its byte.
constexpr u64 fold_word(u64 word) {
  constexpr u64 kOnes = 0x0101010101010101u;
  const u64 low_bits = word & (kOnes * 0x7f);
  const u64 from_a = low_bits + kOnes * (0x80 - 'A');
  const u64 behind_z = low_bits + kOnes * (0x80 - 'Z' - 1);
  const u64 is_upper = (from_a ^ behind_z) & ~word & (kOnes * 0x80);
  return word | (is_upper >> 2);
}

// Requires: 1 <= count <= 8. The bytes at p as one little-endian word, zeros above them. At run
// time these are at most two loads that overlap where count is no power of two; none leaves the
// name.
constexpr u64 load_word(const char* p, std::size_t count) {
  if (std::is_constant_evaluated()) {
    u64 word = 0;
    for (std::size_t i = 0; i < count; ++i) {
      word |= u64{static_cast<unsigned char>(p[i])} << (8 * i);
    }
    return word;
  }
  if (count == 8) {
    u64 word;
    std::memcpy(&word, p, sizeof word);
    return word;
  }
  if (count >= 4) {
    u32 low;
    u32 high;
    std::memcpy(&low, p, sizeof low);
    std::memcpy(&high, p + count - sizeof high, sizeof high);
    return low | (u64{high} << (8 * (count - sizeof high)));
  }
  const auto byte = [p](std::size_t i) { return u64{static_cast<unsigned char>(p[i])} << (8 * i); };
  return byte(0) | byte(count / 2) | byte(count - 1);
}
static_assert(std::endian::native == std::endian::little);

// Requires: 1 <= name.size() <= kFoldedLengthMax.
constexpr FoldedName fold_name(std::string_view name) {
  const char* p = name.data();
  const std::size_t length = name.size();
  if (length <= 8) return {fold_word(load_word(p, length)), 0, 0};
  if (length <= 16) {
    return {fold_word(load_word(p, 8)), fold_word(load_word(p + 8, length - 8)), 0};
  }
  return {fold_word(load_word(p, 8)), fold_word(load_word(p + 8, 8)),
          fold_word(load_word(p + 16, length - 16))};
}

// Multiply and add, a different odd multiplier for each word; its upper half is what is used. The
// multipliers are the first three constants of SplitMix64 (see base/prng.h): any odd numbers with
// their bits well spread would do.
constexpr u64 hash_folded(const FoldedName& folded) {
  return folded[0] * 0x9e3779b97f4a7c15u + folded[1] * 0xbf58476d1ce4e5b9u +
         folded[2] * 0x94d049bb133111ebu;
}

struct CommandIndex {
  static constexpr u32 kBucketBits = 7;
  static constexpr u32 kSlotBits = 9;
  static constexpr u32 kBuckets = 1u << kBucketBits;
  static constexpr u32 kSlots = 1u << kSlotBits;
  static constexpr u32 kDisplacements = 256;

  // Everything a probe needs on half a cache line. length 0: an empty slot.
  struct alignas(32) Slot {
    FoldedName folded{};
    u16 row = 0;
    u16 length = 0;
  };

  std::array<u8, kBuckets> displacements{};
  std::array<Slot, kSlots> slots{};
  bool complete = false;  // every name found a slot of its own

  static constexpr u32 bucket_of(u64 hash) { return static_cast<u32>(hash >> (64 - kBucketBits)); }
  static constexpr u32 slot_of(u64 hash, u32 displacement) {
    const u32 start = static_cast<u32>(hash >> 48);
    const u32 stride = static_cast<u32>(hash >> 36);
    return (start + displacement * stride) & (kSlots - 1);
  }
};

// Names with a '|' are subcommands and stay out.
constexpr bool is_subcommand(std::string_view name) {
  return name.find('|') != std::string_view::npos;
}

// Gives the names of one bucket the first displacement that sends each to a free slot. False: there
// is none.
constexpr bool place_bucket(CommandIndex& index, std::span<const CommandSpec> rows, u32 bucket,
                            std::span<const u16> members, std::span<const u64> hashes) {
  for (u32 displacement = 0; displacement < CommandIndex::kDisplacements; ++displacement) {
    std::size_t placed = 0;
    while (placed < members.size()) {
      const u16 row = members[placed];
      auto& slot = index.slots[CommandIndex::slot_of(hashes[row], displacement)];
      if (slot.length != 0) break;
      slot = {fold_name(rows[row].name), row, static_cast<u16>(rows[row].name.size())};
      ++placed;
    }
    if (placed == members.size()) {
      index.displacements[bucket] = static_cast<u8>(displacement);
      return true;
    }
    while (placed > 0) {
      --placed;
      index.slots[CommandIndex::slot_of(hashes[members[placed]], displacement)] = {};
    }
  }
  return false;
}

// Full buckets first: they are the hardest to place.
template <std::size_t kRows>
constexpr CommandIndex build_command_index(const CommandSpec (&rows)[kRows]) {
  CommandIndex index;
  std::array<u64, kRows> hashes{};
  std::array<u16, CommandIndex::kBuckets + 1> ends{};
  for (std::size_t row = 0; row < kRows; ++row) {
    if (is_subcommand(rows[row].name)) continue;
    hashes[row] = hash_folded(fold_name(rows[row].name));
    ++ends[CommandIndex::bucket_of(hashes[row]) + 1];
  }
  std::size_t fullest = 0;
  for (std::size_t bucket = 1; bucket < ends.size(); ++bucket) {
    fullest = ends[bucket] > fullest ? ends[bucket] : fullest;
    ends[bucket] = static_cast<u16>(ends[bucket] + ends[bucket - 1]);
  }
  const auto starts = ends;
  auto fill = starts;
  std::array<u16, kRows> members{};
  for (std::size_t row = 0; row < kRows; ++row) {
    if (is_subcommand(rows[row].name)) continue;
    members[fill[CommandIndex::bucket_of(hashes[row])]++] = static_cast<u16>(row);
  }
  index.complete = true;
  for (std::size_t size = fullest; size > 0; --size) {
    for (u32 bucket = 0; bucket < CommandIndex::kBuckets; ++bucket) {
      const std::size_t start = starts[bucket];
      if (starts[bucket + 1] - start != size) continue;
      if (!place_bucket(index, rows, bucket, std::span(members).subspan(start, size), hashes)) {
        index.complete = false;
      }
    }
  }
  return index;
}

// Defined in resp_commands.cc.
extern const CommandSpec kCommandRows[];
extern const CommandIndex kCommandIndex;

}  // namespace ringfold::resp
