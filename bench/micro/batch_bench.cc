// What a batch costs: bytes appended in pieces of one size until a flush's worth is there, then
// handed to the kernel and taken by it. The time that counts is the one per append.
// Run: build/bench/micro/batch_bench
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "ringfold/base/limits.h"
#include "ringfold/mem/batch.h"
#include "ringfold/mem/block_pool.h"

namespace {

using namespace ringfold;

void send_all(Batch& batch, BlockPool& pool) {
  std::array<iovec, kFlushIovecsMax> vectors;
  while (!batch.empty()) {
    const std::size_t count = batch.freeze(vectors, kFlushBytesMax);
    benchmark::DoNotOptimize(vectors);
    benchmark::DoNotOptimize(count);
    batch.consume(pool, batch.frozen());
  }
}

// Arguments: bytes of a piece, pieces of a flush.
void append(benchmark::State& state) {
  const std::string piece(static_cast<std::size_t>(state.range(0)), 'p');
  const i64 pieces = state.range(1);
  BlockPool pool;
  Batch batch;
  for (auto _ : state) {
    for (i64 i = 0; i < pieces; ++i) batch.append(pool, piece);
    send_all(batch, pool);
  }
  const i64 appends = state.iterations() * pieces;
  state.SetItemsProcessed(appends);
  state.SetBytesProcessed(appends * state.range(0));
  state.counters["per_append"] = benchmark::Counter(
      static_cast<double>(appends), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// A block of its own changes hands: how long replies and requests move without a copy.
void append_block(benchmark::State& state) {
  BlockPool pool;
  Batch batch;
  for (auto _ : state) {
    Block* block = pool.take(static_cast<u64>(state.range(0)));
    block->end = static_cast<u32>(state.range(0));
    batch.append_block(block);
    send_all(batch, pool);
  }
}

BENCHMARK(append)
    ->ArgNames({"bytes", "pieces"})
    ->ArgsProduct({{8, 32, 128, 512, 4096}, {1, 16, 128}});
BENCHMARK(append_block)->Arg(4096)->Arg(60'000)->Arg(1 << 20);

}  // namespace

BENCHMARK_MAIN();
