#include "io/receive_memory.h"

#include <sys/mman.h>

#include <cerrno>

#include "ringfold/base/assert.h"
#include "ringfold/base/limits.h"

namespace ringfold {
namespace {

constexpr std::size_t kPage = 4096;

constexpr std::size_t whole_pages(std::size_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

}  // namespace

ReceiveMemory::~ReceiveMemory() {
  if (mapping_ != nullptr) munmap(mapping_, mapping_size_);
}

int ReceiveMemory::map(std::size_t front_bytes, std::size_t buffer_bytes) {
  RINGFOLD_ASSERT(mapping_ == nullptr);
  const std::size_t front = whole_pages(front_bytes);
  const std::size_t usable = front + whole_pages(buffer_bytes + kReadablePadding);
  // A guard page behind everything: reading past the padding faults here and not only where the
  // next mapping happens to be far away.
  mapping_size_ = usable + kPage;
  void* const mapping = mmap(nullptr, mapping_size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return -errno;
  mapping_ = mapping;
  if (mprotect(mapping, usable, PROT_READ | PROT_WRITE) != 0) return -errno;
  buffers_ = static_cast<char*>(mapping) + front;
  return 0;
}

}  // namespace ringfold
