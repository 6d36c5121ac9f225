#include "ringfold/mem/block_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "ringfold/base/assert.h"

namespace ringfold {

namespace {

// Whole sizes, header included. 128 holds one small reply in two cache lines, which is what an
// un-pipelined client needs; 64 KiB is what a busy server's batch fills.
constexpr u32 kClassBytes[] = {128, 1024, 8 * 1024, 64 * 1024};
constexpr u8 kMapped = 4;  // size_class of blocks that are mappings of their own

constexpr u32 kOverhead = sizeof(Block);
static_assert(kOverhead == 32);

// Free blocks kept per size, bytes; beyond it they go back to the allocator. Chosen so that the
// working set of a busy tick stays (a thousand clients with one block each, a flush of some large
// values), and a burst's memory does not.
constexpr u64 kFreeBytesMax[] = {256_KiB, 1_MiB, 1_MiB, 4_MiB};

constexpr u64 kPage = 4096;

constexpr u64 capacity_of(u8 size_class) {
  return kClassBytes[size_class] - kOverhead;
}
static_assert(BlockPool::kLargeCapacity <= capacity_of(3));

constexpr u64 mapped_bytes(u64 capacity) {
  return (capacity + kOverhead + kPage - 1) / kPage * kPage;
}

// Blocks of the largest size are mappings of their own, so that a burst of them goes back to the
// system and not to an allocator that may keep it.
constexpr u8 kMappedFrom = 3;

void* map_memory(u64 bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  RINGFOLD_ASSERT(memory != MAP_FAILED);
  return memory;
}

// Grows what map_memory() gave; it may move.
void* remap_memory(void* memory, u64 old_bytes, u64 new_bytes) {
#ifdef __SANITIZE_THREAD__
  // ThreadSanitizer sees mmap and munmap, but not mremap: where one thread's memory was moved away
  // from, it would take the next thread that gets the address for an intruder.
  void* const moved = map_memory(new_bytes);
  std::memcpy(moved, memory, old_bytes);
  ::munmap(memory, old_bytes);
#else
  void* const moved = ::mremap(memory, old_bytes, new_bytes, MREMAP_MAYMOVE);
  RINGFOLD_ASSERT(moved != MAP_FAILED);
#endif
  return moved;
}

void* allocate(u8 size_class) {
  const u32 bytes = kClassBytes[size_class];
  if (size_class >= kMappedFrom) return map_memory(bytes);
  void* memory = std::aligned_alloc(64, bytes);
  RINGFOLD_ASSERT(memory != nullptr);
  return memory;
}

void deallocate(Block* block) {
  if (block->size_class >= kMappedFrom) {
    ::munmap(static_cast<void*>(block), static_cast<u64>(block->capacity) + kOverhead);
  } else {
    std::free(block);
  }
}

Block* format(void* memory, u64 bytes, u8 size_class) {
  Block* block = ::new (memory) Block{};
  block->data = static_cast<char*>(memory) + sizeof(Block);
  block->capacity = static_cast<u32>(bytes - kOverhead);
  block->size_class = size_class;
  return block;
}

}  // namespace

BlockPool::~BlockPool() {
  for (FreeList& list : free_) {
    while (list.first != nullptr) {
      Block* block = list.first;
      list.first = block->next;
      deallocate(block);
    }
  }
}

Block* BlockPool::take(u64 capacity) {
  RINGFOLD_ASSERT(capacity <= kCapacityMax);
  u8 size_class = 0;
  while (size_class < kClasses && capacity_of(size_class) < capacity) ++size_class;
  if (size_class == kMapped) return take_mapped(capacity);
  FreeList& list = free_[size_class];
  const u32 bytes = kClassBytes[size_class];
  ++blocks_in_use_;
  bytes_in_use_ += bytes;
  if (list.first != nullptr) {
    Block* block = list.first;
    list.first = block->next;
    list.bytes -= bytes;
    block->next = nullptr;
    block->begin = 0;
    block->end = 0;
    return block;
  }
  return format(allocate(size_class), bytes, size_class);
}

Block* BlockPool::take_mapped(u64 capacity) {
  const u64 bytes = mapped_bytes(capacity);
  void* memory = map_memory(bytes);
  ++blocks_in_use_;
  bytes_in_use_ += bytes;
  return format(memory, bytes, kMapped);
}

void BlockPool::give(Block* block) {
  RINGFOLD_DEBUG_ASSERT(block->begin <= block->end && block->end <= block->capacity);
  --blocks_in_use_;
  if (block->size_class == kMapped) {
    const u64 bytes = static_cast<u64>(block->capacity) + kOverhead;
    bytes_in_use_ -= bytes;
    deallocate(block);
    return;
  }
  const u32 bytes = kClassBytes[block->size_class];
  bytes_in_use_ -= bytes;
  FreeList& list = free_[block->size_class];
  if (list.bytes + bytes > kFreeBytesMax[block->size_class]) {
    deallocate(block);
    return;
  }
  block->next = list.first;
  list.first = block;
  list.bytes += bytes;
}

void BlockPool::give_chain(Block* first) {
  while (first != nullptr) {
    Block* next = first->next;
    give(first);
    first = next;
  }
}

Block* BlockPool::grow(Block* block, u64 more) {
  if (block->room() >= more) return block;
  const u64 wanted = block->end + more;
  RINGFOLD_ASSERT(wanted <= kCapacityMax);
  const u64 capacity =
      std::min(std::max(wanted, 2 * static_cast<u64>(block->capacity)), kCapacityMax);
  if (block->size_class == kMapped) return grow_mapped(block, capacity);
  Block* bigger = take(capacity);
  std::memcpy(bigger->data, block->data, block->end);
  bigger->begin = block->begin;
  bigger->end = block->end;
  bigger->next = block->next;
  give(block);
  return bigger;
}

Block* BlockPool::grow_mapped(Block* block, u64 capacity) {
  const u64 old_bytes = static_cast<u64>(block->capacity) + kOverhead;
  const u64 new_bytes = mapped_bytes(capacity);
  void* const memory = remap_memory(block, old_bytes, new_bytes);
  bytes_in_use_ += new_bytes - old_bytes;
  block = static_cast<Block*>(memory);
  block->data = static_cast<char*>(memory) + sizeof(Block);
  block->capacity = static_cast<u32>(new_bytes - kOverhead);
  return block;
}

}  // namespace ringfold
