// SpscRing<T>: a bounded lock-free queue between exactly one producer thread and one consumer
// thread.
#pragma once

#include <atomic>
#include <bit>
#include <memory>
#include <utility>

#include "ringfold/base/assert.h"
#include "ringfold/base/ints.h"

namespace ringfold {

// Invariant: 0 <= tail - head <= capacity, both counted modulo 2^64. The producer alone writes tail
// and the slots [head, head + capacity) behind it; the consumer alone writes head. Each side keeps
// a cached copy of the other's index on its own cache line and reads the shared one only when the
// cached one says full or empty.
template <class T>
class SpscRing {
 public:
  // Requires: capacity is a power of two.
  explicit SpscRing(std::size_t capacity)
      : mask_(capacity - 1), slots_(std::make_unique<T[]>(capacity)) {
    RINGFOLD_ASSERT(std::has_single_bit(capacity));
  }

  // Producer. False when the ring is full; value is then untouched.
  [[nodiscard]] bool try_push(T&& value) {
    const u64 tail = producer_.tail.load(std::memory_order_relaxed);
    if (tail - producer_.cached_head > mask_) {
      producer_.cached_head = consumer_.head.load(std::memory_order_acquire);
      if (tail - producer_.cached_head > mask_) return false;
    }
    slots_[tail & mask_] = std::move(value);
    producer_.tail.store(tail + 1, std::memory_order_release);
    return true;
  }

  // Consumer. False when the ring is empty.
  [[nodiscard]] bool try_pop(T& out) {
    const u64 head = consumer_.head.load(std::memory_order_relaxed);
    if (head == consumer_.cached_tail) {
      consumer_.cached_tail = producer_.tail.load(std::memory_order_acquire);
      if (head == consumer_.cached_tail) return false;
    }
    out = std::move(slots_[head & mask_]);
    consumer_.head.store(head + 1, std::memory_order_release);
    return true;
  }

  std::size_t capacity() const { return mask_ + 1; }

 private:
  static constexpr std::size_t kCacheLine = 64;

  struct alignas(kCacheLine) Producer {
    std::atomic<u64> tail{0};
    u64 cached_head = 0;
  };
  struct alignas(kCacheLine) Consumer {
    std::atomic<u64> head{0};
    u64 cached_tail = 0;
  };

  const std::size_t mask_;
  const std::unique_ptr<T[]> slots_;
  Producer producer_;
  Consumer consumer_;
};

}  // namespace ringfold
