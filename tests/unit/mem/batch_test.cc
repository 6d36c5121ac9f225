#include "ringfold/mem/batch.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "ringfold/base/prng.h"

using namespace ringfold;

namespace {

std::string random_bytes(Prng& prng, std::size_t length) {
  std::string bytes(length, '\0');
  for (char& byte : bytes) byte = static_cast<char>(prng.next());
  return bytes;
}

std::size_t random_length(Prng& prng) {
  switch (prng.below(4)) {
    case 0:
      return 1 + prng.below(64);
    case 1:
      return 1 + prng.below(2000);
    case 2:
      return 1 + prng.below(20000);
    default:
      return 1 + prng.below(200000);
  }
}

}  // namespace

TEST_CASE("a batch delivers every byte in order through short sends and appends in flight") {
  for (u64 seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Prng prng(seed);
    BlockPool pool;
    Batch batch;
    std::string expected, sent;
    for (int step = 0; step < 60; ++step) {
      if (prng.chance(1, 8)) {
        const std::string bytes = random_bytes(prng, random_length(prng));
        Block* block = pool.take(bytes.size());
        std::memcpy(block->data, bytes.data(), bytes.size());
        block->end = static_cast<u32>(bytes.size());
        batch.append_block(block);
        expected += bytes;
      } else if (prng.chance(1, 8)) {
        Batch other;
        const std::string bytes = random_bytes(prng, random_length(prng));
        other.append(pool, bytes);
        batch.append_all(other);
        REQUIRE(other.empty());
        expected += bytes;
      } else {
        const std::string bytes = random_bytes(prng, random_length(prng));
        batch.append(pool, bytes);
        expected += bytes;
      }
      const u32 tail = 1 + static_cast<u32>(prng.below(100));
      if (!batch.tail(tail).empty()) {
        REQUIRE(std::string_view(expected).ends_with(batch.tail(tail)));
        if (prng.chance(1, 2)) {
          batch.drop_tail(tail);
          expected.erase(expected.size() - tail);
        }
      }
      if (batch.frozen() == 0 && prng.chance(1, 2)) {
        std::array<iovec, 8> vectors;
        const std::size_t count =
            batch.freeze(std::span(vectors).first(1 + prng.below(8)), 1 + prng.below(100000));
        // The bytes in flight must survive what is appended meanwhile, so they are read only
        // afterwards.
        batch.append(pool, "meanwhile");
        expected += "meanwhile";
        // What is in flight is no tail to be changed.
        if (batch.frozen() + 10 > batch.size()) REQUIRE(batch.tail(10).empty());
        const u64 taken = prng.below(batch.frozen() + 1);
        u64 left = taken;
        for (std::size_t i = 0; i < count && left > 0; ++i) {
          const std::size_t length = std::min<std::size_t>(left, vectors[i].iov_len);
          sent.append(static_cast<const char*>(vectors[i].iov_base), length);
          left -= length;
        }
        batch.consume(pool, taken);
      }
      REQUIRE(batch.size() == expected.size() - sent.size());
      REQUIRE(expected.compare(0, sent.size(), sent) == 0);
    }
    batch.clear(pool);
    CHECK(pool.blocks_in_use() == 0);
    CHECK(pool.bytes_in_use() == 0);
  }
}

TEST_CASE("a batch that holds one small reply takes the smallest block") {
  BlockPool pool;
  Batch batch;
  batch.append(pool, "$32\r\n01234567890123456789012345678901\r\n");
  CHECK(pool.bytes_in_use() == 128);
  batch.clear(pool);
}
