// SpscRing<T>: a bounded lock-free queue between exactly one producer thread and one consumer
// thread. It is how the supervisor and a worker talk; neither side ever waits for the other.
//
// Algorithm: Lamport's single-producer ring ("Proving the correctness of multiprocess programs",
// 1977) with the cached indices of MCRingBuffer (Lee, Bu, Chandranmenon, IPDPS 2010): each side
// keeps a private copy of the other's index and reads the shared one only when the copy says full
// or empty.
#pragma once

#include <atomic>
#include <bit>
#include <memory>
#include <utility>

#include "ringfold/base/assert.h"
#include "ringfold/base/ints.h"

namespace ringfold {

// Invariant: 0 <= tail - head <= capacity; both count all items ever pushed and popped (64 bits do
// not wrap in practice, and the arithmetic would survive it).
//
//   slots:   free | head ... filled ... tail | free
//                   ^ consumer reads here      ^ producer writes here
//
// The producer alone writes tail and the slot at tail; the consumer alone writes head and takes the
// slot at head. Two orderings make that enough:
//   - push stores tail with release after filling the slot, pop loads it with acquire before
//     reading the slot: an item is seen whole;
//   - pop stores head with release after emptying the slot, push loads it with acquire before
//     filling the slot again: a slot is not overwritten while it is read.
// A cached index only lags behind the shared one, so it can claim full or empty too early (then the
// shared index is asked), never too late.
//
// T: default-constructible and movable. A popped slot keeps its moved-from T until it is reused.
// Index: std::atomic<u64>; the interleaving test puts a stepping one in its place.
template <class T, class Index = std::atomic<u64>>
class SpscRing {
 public:
  // Requires: capacity is a power of two.
  explicit SpscRing(std::size_t capacity)
      : mask_(capacity - 1), slots_(std::make_unique<T[]>(capacity)) {
    RINGFOLD_ASSERT(std::has_single_bit(capacity));
  }
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

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

  // Consumer. False when the ring is empty; out is then untouched.
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

  // Each side's index stands with its own cached copy on a line which the other side reads only
  // when it has run dry.
  struct alignas(kCacheLine) Producer {
    Index tail{0};
    u64 cached_head = 0;
  };
  struct alignas(kCacheLine) Consumer {
    Index head{0};
    u64 cached_tail = 0;
  };

  const std::size_t mask_;
  const std::unique_ptr<T[]> slots_;
  Producer producer_;
  Consumer consumer_;
};

}  // namespace ringfold
