// SpscRing three ways: one thread against a model, every interleaving of the two sides' steps in
// small cases, and two threads with millions of items (the one ThreadSanitizer watches).
#include "ringfold/base/spsc_ring.h"

#include <doctest/doctest.h>
#include <ucontext.h>

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ringfold/base/prng.h"

using namespace ringfold;

TEST_CASE("a full ring refuses and leaves the value alone, an empty one refuses to pop") {
  SpscRing<std::unique_ptr<int>> ring(2);
  CHECK(ring.capacity() == 2);
  CHECK(ring.try_push(std::make_unique<int>(1)));
  CHECK(ring.try_push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  CHECK_FALSE(ring.try_push(std::move(third)));
  REQUIRE(third != nullptr);
  CHECK(*third == 3);

  std::unique_ptr<int> out;
  REQUIRE(ring.try_pop(out));
  CHECK(*out == 1);
  REQUIRE(ring.try_push(std::move(third)));
  REQUIRE(ring.try_pop(out));
  CHECK(*out == 2);
  REQUIRE(ring.try_pop(out));
  CHECK(*out == 3);
  CHECK_FALSE(ring.try_pop(out));
  REQUIRE(out != nullptr);
  CHECK(*out == 3);
}

TEST_CASE("random pushes and pops agree with a queue") {
  for (u64 seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    Prng prng(seed);
    SpscRing<std::string> ring(std::size_t{1} << prng.below(6));
    std::deque<std::string> model;
    for (int step = 0; step < 5000; ++step) {
      if (prng.chance(1 + seed % 3, 4)) {
        std::string value = "item number " + std::to_string(step);
        const std::string kept = value;
        const bool pushed = ring.try_push(std::move(value));
        REQUIRE(pushed == (model.size() < ring.capacity()));
        if (pushed) model.push_back(kept);
      } else {
        std::string out;
        const bool popped = ring.try_pop(out);
        REQUIRE(popped == !model.empty());
        if (!popped) continue;
        REQUIRE(out == model.front());
        model.pop_front();
      }
    }
  }
}

// --- Every interleaving ------------------------------------------------------------------------
//
// Producer and consumer run as two fibers on the real SpscRing. Each access to a shared index, and
// each half of a slot access, first hands control to the scheduler, which picks who steps next.
// Running again and again with every possible sequence of picks (depth first) covers all
// interleavings of a small case. ThreadSanitizer cannot follow fibers; orderings are its own
// business in the threaded case below.
#if defined(__SANITIZE_THREAD__)
#define RINGFOLD_TEST_FIBERS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RINGFOLD_TEST_FIBERS 0
#else
#define RINGFOLD_TEST_FIBERS 1
#endif
#else
#define RINGFOLD_TEST_FIBERS 1
#endif

#if RINGFOLD_TEST_FIBERS
namespace {

class Scheduler;
Scheduler* scheduler = nullptr;

class Scheduler {
 public:
  // Runs both sides to their ends. picks is the schedule: picks[i] says who makes step i where both
  // could; it grows with zeros.
  void run(void (*producer)(), void (*consumer)(), std::vector<u8>& picks) {
    start(0, producer);
    start(1, consumer);
    std::size_t step = 0;
    while (!done_[0] || !done_[1]) {
      current_ = done_[0] ? 1 : 0;
      if (!done_[0] && !done_[1]) {
        if (step == picks.size()) picks.push_back(0);
        current_ = picks[step++];
      }
      swapcontext(&main_, &fibers_[current_]);
    }
  }

  void yield() { swapcontext(&fibers_[current_], &main_); }
  void finish() { done_[current_] = true; }

 private:
  // Apart from run(): getcontext() returns twice, as setjmp() does, and no variable may live across
  // it.
  void start(int side, void (*entry)()) {
    done_[side] = false;
    getcontext(&fibers_[side]);
    fibers_[side].uc_stack.ss_sp = stacks_[side].data();
    fibers_[side].uc_stack.ss_size = stacks_[side].size();
    fibers_[side].uc_link = &main_;
    makecontext(&fibers_[side], entry, 0);
  }

  ucontext_t main_{};
  ucontext_t fibers_[2]{};
  std::vector<char> stacks_[2] = {std::vector<char>(256 * 1024), std::vector<char>(256 * 1024)};
  bool done_[2] = {};
  int current_ = 0;
};

struct SteppingIndex {
  explicit SteppingIndex(u64 initial) : value(initial) {}
  u64 load(std::memory_order) const {
    scheduler->yield();
    return value;
  }
  void store(u64 next, std::memory_order) {
    scheduler->yield();
    value = next;
  }
  u64 value;
};

// A slot whose writing and taking last two steps, and which notices when the other side comes
// between.
struct SteppingItem {
  SteppingItem() = default;
  explicit SteppingItem(int n) : number(n) {}
  SteppingItem& operator=(SteppingItem&& other) {
    torn |= busy || other.busy;
    busy = other.busy = true;
    scheduler->yield();
    number = std::exchange(other.number, -1);
    busy = other.busy = false;
    torn |= other.torn;
    return *this;
  }
  int number = -1;
  bool busy = false;
  bool torn = false;
};

using SteppingRing = SpscRing<SteppingItem, SteppingIndex>;

struct World {
  SteppingRing* ring = nullptr;
  int pushes = 0;
  int pops = 0;
  int pushed = 0;
  int popped = 0;
  bool wrong = false;
} world;

void produce() {
  for (int attempt = 0; attempt < world.pushes; ++attempt) {
    if (world.ring->try_push(SteppingItem(world.pushed))) ++world.pushed;
  }
  scheduler->finish();
}

void consume() {
  for (int attempt = 0; attempt < world.pops; ++attempt) {
    SteppingItem out;
    if (!world.ring->try_pop(out)) continue;
    world.wrong |= out.torn || out.number != world.popped;
    ++world.popped;
  }
  scheduler->finish();
}

// Returns the number of schedules tried.
u64 run_all_interleavings(std::size_t capacity, int pushes, int pops) {
  Scheduler own;
  scheduler = &own;
  std::vector<u8> picks;
  u64 schedules = 0;
  for (;;) {
    SteppingRing ring(capacity);
    world = {&ring, pushes, pops, 0, 0, false};
    own.run(produce, consume, picks);
    ++schedules;
    const int left = world.pushed - world.popped;
    const bool kept = !world.wrong && left >= 0 && left <= static_cast<int>(capacity);
    if (!kept) {
      CAPTURE(schedules);
      REQUIRE(kept);
    }
    while (!picks.empty() && picks.back() == 1) picks.pop_back();
    if (picks.empty()) break;
    picks.back() = 1;
  }
  scheduler = nullptr;
  return schedules;
}

}  // namespace

TEST_CASE("no interleaving of producer and consumer loses, doubles, reorders or tears an item") {
  CHECK(run_all_interleavings(1, 2, 2) > 500);
  CHECK(run_all_interleavings(1, 3, 2) > 1000);
  CHECK(run_all_interleavings(2, 3, 2) > 1000);
  CHECK(run_all_interleavings(2, 3, 3) > 10000);
}
#endif

TEST_CASE("two threads pass millions of items in order") {
  constexpr u64 kItems = 2'000'000;
  struct Item {
    u64 number = 0;
    u64 check = 0;
  };
  for (const std::size_t capacity : {std::size_t{1}, std::size_t{8}, std::size_t{1024}}) {
    CAPTURE(capacity);
    SpscRing<Item> ring(capacity);
    // A capacity of 1 hands over one item a turn, which costs a reschedule on a busy machine.
    const u64 items = capacity == 1 ? kItems / 100 : kItems;
    std::thread producer([&ring, items] {
      for (u64 i = 0; i < items;) {
        if (ring.try_push(Item{i, ~i})) {
          ++i;
        } else {
          std::this_thread::yield();
        }
      }
    });
    u64 expected = 0;
    u64 wrong = 0;
    while (expected < items) {
      Item item;
      if (!ring.try_pop(item)) {
        std::this_thread::yield();
        continue;
      }
      wrong += item.number != expected || item.check != ~expected;
      ++expected;
    }
    producer.join();
    CHECK(wrong == 0);
    Item none;
    CHECK_FALSE(ring.try_pop(none));
  }
}
