// KeyPrefixes: the first bytes of the key of each request in flight, for the slow log, beside the
// slab of requests and with the same slot numbers: when a request turns out slow its bytes are long
// gone. A copy of fixed size costs two loads and two stores. One thread.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "ringfold/base/assert.h"
#include "ringfold/base/ints.h"
#include "ringfold/base/limits.h"

namespace ringfold {

class KeyPrefixes {
 public:
  static constexpr std::size_t kPrefixMax = 31;

  // Address space for so many slots, memory for those in use. 0: nothing is kept.
  explicit KeyPrefixes(u32 slots_max) : slots_max_(slots_max) {
    if (slots_max_ == 0) return;
    void* memory = ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    RINGFOLD_ASSERT(memory != MAP_FAILED);
    slots_ = static_cast<Slot*>(memory);
  }
  ~KeyPrefixes() {
    if (slots_ != nullptr) ::munmap(slots_, bytes());
  }
  KeyPrefixes(const KeyPrefixes&) = delete;
  KeyPrefixes& operator=(const KeyPrefixes&) = delete;

  // Requires: kReadablePadding bytes behind the key may be read.
  void set(u32 slot, std::string_view key) {
    if (slots_ == nullptr) return;
    static_assert(kPrefixMax <= kReadablePadding);
    if (key.data() != nullptr) std::memcpy(slots_[slot].bytes, key.data(), kPrefixMax);
    slots_[slot].length = static_cast<u8>(std::min(key.size(), kPrefixMax));
  }

  // Valid until: the next set() of the slot.
  std::string_view get(u32 slot) const {
    if (slots_ == nullptr) return {};
    return {slots_[slot].bytes, slots_[slot].length};
  }

  // Gives all memory back.
  void trim() {
    if (slots_ != nullptr) ::madvise(slots_, bytes(), MADV_DONTNEED);
  }

 private:
  struct Slot {
    char bytes[kPrefixMax];
    u8 length;
  };
  static_assert(sizeof(Slot) == 32);

  std::size_t bytes() const { return sizeof(Slot) * std::size_t{slots_max_}; }

  Slot* slots_ = nullptr;
  const u32 slots_max_;
};

}  // namespace ringfold
