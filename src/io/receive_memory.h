// ReceiveMemory: the pages that receive buffers lie in, with the padding behind them that ring.h
// promises and a guard page behind that.
//
//   | front: whole pages | buffers | kReadablePadding, to the end of a page | guard |
#pragma once

#include <cstddef>

namespace ringfold {

class ReceiveMemory {
 public:
  ReceiveMemory() = default;
  ~ReceiveMemory();
  ReceiveMemory(const ReceiveMemory&) = delete;
  ReceiveMemory& operator=(const ReceiveMemory&) = delete;

  // Takes address space for front_bytes (may be 0) and buffer_bytes; pages come with their first
  // use, as zeros. 0 or -errno. Once per object.
  [[nodiscard]] int map(std::size_t front_bytes, std::size_t buffer_bytes);

  // Aligned to a page.
  void* front() const { return mapping_; }
  char* buffers() const { return buffers_; }

 private:
  void* mapping_ = nullptr;
  std::size_t mapping_size_ = 0;
  char* buffers_ = nullptr;
};

}  // namespace ringfold
