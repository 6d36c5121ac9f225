// PendingLine: the requests of one connection that wait for their replies, in order, and the keys
// they asked for.
#pragma once

#include <memory>

#include "ringfold/base/assert.h"
#include "ringfold/base/ints.h"

namespace ringfold::load {

// A queue that takes memory when it grows past anything it was before, and never again.
template <class T>
class Fifo {
 public:
  u32 size() const { return tail_ - head_; }
  bool empty() const { return head_ == tail_; }

  void push(const T& item) {
    if (size() == capacity_) grow();
    items_[tail_++ & (capacity_ - 1)] = item;
  }
  // Requires: index < size().
  const T& operator[](u32 index) const { return items_[(head_ + index) & (capacity_ - 1)]; }
  const T& front() const { return items_[head_ & (capacity_ - 1)]; }
  // Requires: count <= size().
  void pop(u32 count = 1) { head_ += count; }
  void clear() { head_ = tail_; }

 private:
  void grow() {
    const u32 capacity = capacity_ == 0 ? 16 : 2 * capacity_;
    auto items = std::make_unique<T[]>(capacity);
    const u32 count = size();
    for (u32 i = 0; i < count; ++i) items[i] = (*this)[i];
    items_ = std::move(items);
    capacity_ = capacity;
    head_ = 0;
    tail_ = count;
  }

  std::unique_ptr<T[]> items_;
  u32 capacity_ = 0;  // 0 or a power of two; the counters may wrap
  u32 head_ = 0;
  u32 tail_ = 0;
};

struct Pending {
  Nanos since = 0;  // when it was sent; open loop: when it was due
  u16 recipe = 0;
  bool is_fill = false;  // recipe is one of Plan::fills
  bool is_measured = false;
};

struct PendingLine {
  Fifo<Pending> requests;
  Fifo<u64> keys;  // of all requests, one behind the other

  void clear() {
    requests.clear();
    keys.clear();
  }
};

}  // namespace ringfold::load
