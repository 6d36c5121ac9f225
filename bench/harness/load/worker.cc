#include "load/worker.h"

#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>

#include "io/clock.h"
#include "load/texts.h"

namespace ringfold::load {
namespace {

// How often a thread looks whether the run was interrupted, at least.
constexpr Nanos kLookEvery = 100 * kMillisecond;
// All connections must be open by then.
constexpr Nanos kConnectMax = 20 * kSecond;
// Without any reply for so long, a run that counts requests and not time has failed.
constexpr Nanos kSilenceMax = 10 * kSecond;
// How long the replies to the last requests may take, and after an interruption.
constexpr Nanos kDrainMax = 5 * kSecond;
constexpr Nanos kDrainInterrupted = kSecond / 2;

double thread_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The share of `total` that falls to one of `parts`.
u64 share(u64 total, u32 part, u32 parts) {
  return (total + parts - 1 - part) / parts;
}

Nanos nanos(double seconds) {
  return static_cast<Nanos>(seconds * 1e9);
}

}  // namespace

Worker::Worker(const Plan& plan, u32 thread, StartLine& start_line, Board& board,
               const std::atomic<bool>& stop)
    : plan_(plan),
      thread_(thread),
      start_line_(start_line),
      board_(board),
      stop_(stop),
      tally_(result_.tally),
      connections_(share(plan.connections, thread, plan.threads)),
      traffic_(plan, thread),
      redis_judge_(plan, tally_),
      memcached_judge_(plan, tally_),
      requests_left_(share(plan.requests, thread, plan.threads)),
      recent_(plan.recipes.size()) {
  result_.latencies.resize(plan.recipes.size());
  closed_ = static_cast<u32>(connections_.size());
  dirty_.reserve(connections_.size());
}

Worker::~Worker() {
  for (Connection& connection : connections_) {
    connection.out.clear(blocks_);
    drop_carry(connection);
  }
}

void Worker::run() {
  const std::string failure = prepare();
  const Nanos start_at = start_line_.arrive(failure);
  if (start_at != 0) {
    start(start_at);
    measure();
    drain();
    take_time();
  }
  if (ring_ != nullptr) close_all();
}

// Everything in front of the start line. What went wrong, or nothing.
std::string Worker::prepare() {
  std::string failure = open_ring();
  if (failure.empty()) failure = connect_all();
  if (failure.empty()) failure = fill();
  return failure;
}

std::string Worker::open_ring() {
  RingOptions options;
  options.buffer_size = 64 * 1024;  // all buffers together stay in the processor's cache
  auto ring = ringfold::open_ring(options, plan_.io);
  if (!ring) return ring.error().text;
  ring_ = std::move(*ring);
  return {};
}

std::string Worker::connect_all() {
  const Nanos give_up_at = ring_->now() + kConnectMax;
  while (true) {
    retry_closed();
    const auto is_ready = [](const Connection& it) { return it.stage == Stage::ready; };
    if (std::ranges::all_of(connections_, is_ready)) return {};
    if (!failure_.empty()) return failure_;
    if (stop_.load(std::memory_order_relaxed)) return "interrupted";
    if (start_line_.is_called_off()) return "another thread has failed";
    if (ring_->now() >= give_up_at) {
      return fmt::format(
          "{}: {} of {} connections are not open after {} s", to_string(plan_.address),
          std::ranges::count_if(connections_, [&](auto& it) { return !is_ready(it); }),
          connections_.size(), kConnectMax / kSecond);
    }
    tick(ring_->now() + (closed_ != 0 ? kMillisecond : kLookEvery));
  }
}

std::string Worker::fill() {
  if (plan_.fills.empty()) return {};
  phase_ = Phase::filling;
  last_reply_ = ring_->now();
  fill_up_all();
  while (!traffic_.fill_is_over() || waiting_ != 0) {
    if (stop_.load(std::memory_order_relaxed)) return "interrupted";
    if (start_line_.is_called_off()) return "another thread has failed";
    if (tally_.connections_lost != 0) return "a connection broke while the keys were filled";
    if (is_stuck()) return "the server went silent while the keys were filled";
    tick(ring_->now() + kLookEvery);
    board_.count_filled(filled_);
    filled_ = 0;
  }
  return {};
}

void Worker::start(Nanos at) {
  tick(at);  // the ring's time is that of before the start line
  phase_ = Phase::running;
  last_reply_ = at;
  measure_from_ = at + nanos(plan_.warm_up);
  if (plan_.seconds > 0) measure_to_ = measure_from_ + nanos(plan_.seconds);
  if (plan_.is_open_loop()) {
    schedule_ = Schedule(plan_.arrivals, plan_.rate, thread_, plan_.threads,
                         ~plan_.seed + thread_ * 0x9e3779b97f4a7c15u, at);
    for (u32 index = 0; index < connections_.size(); ++index) list_idle(index);
  }
  if (plan_.warm_up <= 0) cpu_at_start_ = thread_cpu_seconds();
}

bool Worker::is_stuck() const {
  return waiting_ != 0 && ring_->now() - last_reply_ > kSilenceMax;
}

bool Worker::may_issue() const {
  if (phase_ == Phase::filling) return !traffic_.fill_is_over();
  if (phase_ != Phase::running) return false;
  const Nanos since = plan_.is_open_loop() ? schedule_.next() : ring_->now();
  if (since >= measure_to_) return false;
  return plan_.requests == 0 || requests_left_ != 0;
}

bool Worker::is_over() const {
  if (stop_.load(std::memory_order_relaxed) || ring_->now() >= measure_to_) return true;
  if (plan_.requests == 0) return false;
  // Without a time limit, a server that is gone for good has to end the run.
  const bool is_silent = ring_->now() - last_reply_ > kSilenceMax;
  return requests_left_ == 0 || (measure_to_ == kNever && is_silent);
}

Nanos Worker::next_deadline() const {
  Nanos deadline = std::min(ring_->now() + kLookEvery, measure_to_);
  if (cpu_at_start_ < 0) deadline = std::min(deadline, std::max(measure_from_, ring_->now()));
  if (plan_.is_open_loop() && !is_crowded_ && may_issue()) {
    deadline = std::min(deadline, schedule_.next());
  }
  return deadline;
}

void Worker::measure() {
  if (!plan_.is_open_loop()) fill_up_all();
  while (!is_over()) {
    if (plan_.is_open_loop()) issue_due();
    tick(next_deadline());
    retry_closed();
    if (cpu_at_start_ < 0 && ring_->now() >= measure_from_) cpu_at_start_ = thread_cpu_seconds();
  }
  // What became due in the last moment.
  while (plan_.is_open_loop() && !stop_.load(std::memory_order_relaxed) && issue_due()) {
  }
  count_unsent();
}

// Open loop: what was due and could not be sent, because no connection had room to the end.
void Worker::count_unsent() {
  if (!plan_.is_open_loop() || plan_.requests != 0) return;
  for (; schedule_.next() < std::min(ring_->now(), measure_to_); schedule_.advance()) {
    tally_.unsent += schedule_.next() >= measure_from_;
  }
}

// Waits for the replies to what was sent. The processor time of a run with a time limit ends where
// this begins.
void Worker::drain() {
  phase_ = Phase::draining;
  const bool counts_requests = plan_.requests != 0 && requests_left_ == 0;
  if (!counts_requests) take_time();
  Nanos give_up_at = ring_->now() + kDrainMax;
  while (waiting_ != 0) {
    if (counts_requests) give_up_at = last_reply_ + kSilenceMax;
    if (stop_.load(std::memory_order_relaxed) && interrupted_at_ == kNever) {
      interrupted_at_ = ring_->now();
    }
    if (interrupted_at_ != kNever) {
      give_up_at = std::min(give_up_at, interrupted_at_ + kDrainInterrupted);
    }
    if (ring_->now() >= give_up_at) break;
    tick(std::min(give_up_at, ring_->now() + kLookEvery));
  }
  for (const Connection& connection : connections_) {
    for (u32 i = 0; i < connection.line.requests.size(); ++i) {
      tally_.unanswered += connection.line.requests[i].is_measured;
    }
  }
  post_seconds(ring_->now(), true);
}

// Ends the measured time; only the first call counts.
void Worker::take_time() {
  if (result_.seconds > 0) return;
  if (cpu_at_start_ < 0) cpu_at_start_ = thread_cpu_seconds();  // interrupted in the warm-up
  result_.cpu_seconds = thread_cpu_seconds() - cpu_at_start_;
  const bool counted_all = plan_.requests != 0 && requests_left_ == 0;
  const Nanos end = std::min(counted_all ? last_reply_ : ring_->now(), measure_to_);
  result_.seconds = static_cast<double>(std::max<Nanos>(end - measure_from_, 0)) / 1e9;
}

// Posts the seconds that have passed, and in the end what is left as one more.
void Worker::post_seconds(Nanos now, bool is_last) {
  while (now >= measure_from_ + static_cast<Nanos>(posted_ + 1) * kSecond || is_last) {
    Histogram all;
    for (std::size_t index = 0; index < recent_.size(); ++index) {
      all.merge(recent_[index]);
      result_.latencies[index].merge(recent_[index]);
      recent_[index].clear();
    }
    const u64 faults = tally_.errors + tally_.mismatches + tally_.lost;
    board_.post(posted_++, all, faults - faults_posted_);
    faults_posted_ = faults;
    if (is_last) return;
  }
}

void Worker::tick(Nanos deadline) {
  flush();
  const Nanos until = wait_is_short_ ? 0 : deadline;
  wait_is_short_ = false;
  const std::span<const Completion> completions = ring_->wait(until);
  if (phase_ == Phase::running || phase_ == Phase::draining) post_seconds(ring_->now(), false);
  for (const Completion& completion : completions) on_completion(completion);
}

void Worker::close_all() {
  phase_ = Phase::closing;
  for (Connection& connection : connections_) {
    if (connection.stage != Stage::closed && connection.stage != Stage::closing) {
      lose(connection, "");
    }
  }
  while (closed_ != connections_.size()) tick(ring_->now() + kLookEvery);
}

}  // namespace ringfold::load
