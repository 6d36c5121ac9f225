// Slab<T>: fixed slots addressed by index, so that what lives across ticks is named by a number and
// never by a pointer. Address space for all slots is reserved at once and the kernel gives memory
// as slots are first used; a free slot is reused last in, first out, because it is the warmest. One
// thread.
#pragma once

#include <sys/mman.h>

#include <new>
#include <type_traits>

#include "ringfold/base/assert.h"
#include "ringfold/base/ints.h"

namespace ringfold {

inline constexpr u32 kNone = 0xffffffff;

// Requires of T: trivially destructible, default constructible by zeroed memory being overwritten,
// and a member `u32 slab_next`, which belongs to the slab while the slot is free. What else a T
// holds stays as it was between release and take, so a generation counter may live in it.
template <class T>
class Slab {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  explicit Slab(u32 slots_max) : slots_max_(slots_max) {
    void* memory = ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    RINGFOLD_ASSERT(memory != MAP_FAILED);
    slots_ = static_cast<T*>(memory);
  }
  ~Slab() { ::munmap(static_cast<void*>(slots_), bytes()); }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // The index of a slot, or kNone when all are taken. A slot taken for the first time is T{}.
  [[nodiscard]] u32 take() {
    if (free_ != kNone) {
      const u32 index = free_;
      free_ = slots_[index].slab_next;
      ++used_;
      return index;
    }
    if (touched_ == slots_max_) return kNone;
    ::new (static_cast<void*>(&slots_[touched_])) T{};
    ++used_;
    return touched_++;
  }

  void release(u32 index) {
    RINGFOLD_DEBUG_ASSERT(index < touched_);
    slots_[index].slab_next = free_;
    free_ = index;
    --used_;
  }

  // Gives the memory of all slots back to the system; they are as if never taken. Requires: none is
  // taken, and no generation in them is relied on.
  void trim() {
    RINGFOLD_ASSERT(used_ == 0);
    ::madvise(static_cast<void*>(slots_), bytes(), MADV_DONTNEED);
    touched_ = 0;
    free_ = kNone;
  }

  T& operator[](u32 index) {
    RINGFOLD_DEBUG_ASSERT(index < touched_);
    return slots_[index];
  }
  const T& operator[](u32 index) const { return slots_[index]; }

  u32 used() const { return used_; }
  u32 touched() const { return touched_; }  // slots that were ever taken: [0, touched)

 private:
  std::size_t bytes() const { return sizeof(T) * static_cast<std::size_t>(slots_max_); }

  T* slots_ = nullptr;
  const u32 slots_max_;
  u32 touched_ = 0;
  u32 used_ = 0;
  u32 free_ = kNone;
};

}  // namespace ringfold
