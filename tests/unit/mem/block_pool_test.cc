#include "ringfold/mem/block_pool.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "ringfold/base/prng.h"

using namespace ringfold;

TEST_CASE("a block has the room asked for and is all writable") {
  BlockPool pool;
  for (const u64 capacity : {u64{0}, u64{1}, u64{96}, u64{97}, u64{992}, u64{993}, u64{8160},
                             u64{65504}, u64{65505}, u64{1} << 20}) {
    Block* block = pool.take(capacity);
    CHECK(block->capacity >= capacity);
    CHECK(block->size() == 0);
    std::memset(block->data, 0x5a, block->capacity);
    pool.give(block);
  }
  CHECK(pool.blocks_in_use() == 0);
  CHECK(pool.bytes_in_use() == 0);
}

TEST_CASE("growing keeps the bytes through every size") {
  BlockPool pool;
  Prng prng(1);
  std::string model;
  Block* block = pool.take(1);
  while (model.size() < 3'000'000) {
    std::string piece(1 + prng.below(model.size() + 10), static_cast<char>(prng.next()));
    block = pool.grow(block, piece.size());
    REQUIRE(block->room() >= piece.size());
    std::memcpy(block->data + block->end, piece.data(), piece.size());
    block->end += static_cast<u32>(piece.size());
    model += piece;
    REQUIRE(block->view() == model);
  }
  CHECK(pool.blocks_in_use() == 1);
  CHECK(pool.bytes_in_use() < 2 * 2 * model.size());
  pool.give(block);
  CHECK(pool.bytes_in_use() == 0);
}

TEST_CASE("blocks in use never share memory") {
  BlockPool pool;
  Prng prng(2);
  std::vector<std::pair<Block*, char>> held;
  for (int step = 0; step < 5000; ++step) {
    if (held.size() < 50 && prng.chance(1, 2)) {
      Block* block = pool.take(prng.below(2000));
      const char mark = static_cast<char>(step);
      std::memset(block->data, mark, block->capacity);
      block->end = block->capacity;
      held.emplace_back(block, mark);
    } else if (!held.empty()) {
      const std::size_t index = prng.below(held.size());
      const auto [block, mark] = held[index];
      REQUIRE(block->view().find_first_not_of(mark) == std::string_view::npos);
      pool.give(block);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(index));
    }
  }
  for (const auto& [block, mark] : held) pool.give(block);
  CHECK(pool.blocks_in_use() == 0);
}
