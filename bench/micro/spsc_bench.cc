// What crosses threads: the bounded rings and the doorbell that announces them.
// Run: build/bench/micro/spsc_bench
#include <benchmark/benchmark.h>

#include <atomic>
#include <memory>
#include <thread>

#include "core/mailbox.h"
#include "io/doorbell.h"
#include "ringfold/base/assert.h"
#include "ringfold/base/spsc_ring.h"
#include "ringfold/io/ring.h"

namespace {

using namespace ringfold;

// Both sides in one thread: the instructions alone, no cache line moves.
template <class T>
void push_and_pop(benchmark::State& state) {
  SpscRing<T> ring(64);
  T out{};
  for (auto _ : state) {
    benchmark::DoNotOptimize(ring.try_push(T{}));
    benchmark::DoNotOptimize(ring.try_pop(out));
  }
}

// A producer's thread and a consumer's, each as fast as the other lets it; time per item. With
// fewer than two free cores this measures the scheduler.
void stream(benchmark::State& state) {
  SpscRing<u64> ring(1024);
  std::atomic<bool> must_stop{false};
  std::thread producer([&] {
    for (u64 next = 0; !must_stop.load(std::memory_order_relaxed);) {
      if (ring.try_push(u64{next})) {
        ++next;
      } else {
        std::this_thread::yield();
      }
    }
  });
  u64 expected = 0;
  for (auto _ : state) {
    u64 item = 0;
    while (!ring.try_pop(item)) std::this_thread::yield();
    if (item != expected++) state.SkipWithError("an item was lost");
  }
  must_stop.store(true, std::memory_order_relaxed);
  producer.join();
  state.SetItemsProcessed(state.iterations());
}

// Rung again before it was answered: no system call.
void ring_a_rung_bell(benchmark::State& state) {
  Doorbell bell;
  if (bell.open() != 0) {
    state.SkipWithError("no eventfd");
    return;
  }
  bell.ring();
  for (auto _ : state) bell.ring();
}

// Rung and answered in one thread: a write and a read of the eventfd.
void ring_and_answer(benchmark::State& state) {
  Doorbell bell;
  if (bell.open() != 0) {
    state.SkipWithError("no eventfd");
    return;
  }
  for (auto _ : state) {
    bell.ring();
    bell.answer();
  }
}

Expected<std::unique_ptr<Ring>> open_kind(bool is_uring) {
  return is_uring ? open_uring({}, probe_uring()) : open_epoll({}, probe_epoll());
}

bool is_woken(Ring& ring) {
  for (const Completion& completion : ring.wait(kNever)) {
    if (completion.user_data.op() == Op::wake) return true;
  }
  return false;
}

// A message to a sleeping worker and its answer back: the time of one round trip, two wake-ups.
void round_trip(benchmark::State& state, bool is_uring) {
  const auto mine = open_kind(is_uring);
  if (!mine) {
    state.SkipWithError(mine.error().text.c_str());
    return;
  }
  SpscRing<u64> there(64);
  SpscRing<u64> back(64);
  std::atomic<Ring*> theirs{nullptr};
  std::atomic<bool> may_close{false};
  std::thread worker([&] {
    // A ring belongs to the thread that opens it.
    const auto ring = open_kind(is_uring);
    RINGFOLD_ASSERT(ring.has_value());  // the other one could be opened as well
    theirs.store(ring->get(), std::memory_order_release);
    theirs.notify_one();
    for (u64 item = 1; item != 0;) {
      if (!is_woken(**ring)) continue;
      while (item != 0 && there.try_pop(item)) {
        if (item != 0 && back.try_push(u64{item})) (*mine)->ring_doorbell();
      }
    }
    may_close.wait(false, std::memory_order_acquire);
  });
  theirs.wait(nullptr, std::memory_order_acquire);
  Ring* const ring = theirs.load(std::memory_order_acquire);
  for (auto _ : state) {
    benchmark::DoNotOptimize(there.try_push(1));
    ring->ring_doorbell();
    u64 item = 0;
    while (!back.try_pop(item)) benchmark::DoNotOptimize(is_woken(**mine));
  }
  benchmark::DoNotOptimize(there.try_push(0));
  ring->ring_doorbell();
  may_close.store(true, std::memory_order_release);
  may_close.notify_one();
  worker.join();
}

BENCHMARK(push_and_pop<u64>);
BENCHMARK(push_and_pop<ControlMessage>);
BENCHMARK(push_and_pop<WorkerEvent>);
BENCHMARK(stream)->UseRealTime();
BENCHMARK(ring_a_rung_bell);
BENCHMARK(ring_and_answer);
BENCHMARK_CAPTURE(round_trip, uring, true)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(round_trip, epoll, false)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
