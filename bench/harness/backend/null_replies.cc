// From answers to bytes that may be sent: in the plain case written straight into the connection's
// batch, else made wrong or held back on the way, as the options say.
#include <algorithm>
#include <cmath>

#include "backend/null_worker.h"
#include "ringfold/base/assert.h"

namespace ringfold::backend {

namespace {

std::string_view ordered_error(Protocol protocol) {
  return protocol == Protocol::redis ? "-ERR ringfold-bench: an error, as ordered\r\n"
                                     : "SERVER_ERROR ringfold-bench: an error, as ordered\r\n";
}

}  // namespace

void Counters::add(const Counters& other) {
  requests += other.requests;
  connections += other.connections;
  errors += other.errors;
  corrupted += other.corrupted;
  swapped += other.swapped;
}

template <class Answer>
void NullWorker::reply(u32 index, Answer answer) {
  Connection& connection = connections_[index];
  ++counters_.requests;
  if (is_sabotaged_) [[unlikely]] {
    text_.clear();
    Output out(text_);
    const Answered answered = answer(out);
    if (answered.is_error) ++counters_.errors;
    finish_sabotaged(index, answered);
    if (answered.closes) drain(index, connection);
    return;
  }
  const u64 before = connection.out.size();
  Output out(connection.out, blocks_);
  const Answered answered = answer(out);
  if (answered.is_error) ++counters_.errors;
  finish_reply(index, connection.out.size() - before);
  if (answered.closes) drain(index, connection);
}

void NullWorker::answer_redis_request(u32 index, std::string_view bytes,
                                      const RequestFrame& frame) {
  // "*0": Redis says nothing to it.
  if (frame.argument_count == 0) return;
  reply(index, [&](Output& out) { return answer_redis(store_, bytes, frame, out); });
}

void NullWorker::answer_memcached_request(u32 index, std::string_view bytes,
                                          const RequestFrame& frame,
                                          const memcached::CommandRow& row) {
  reply(index, [&](Output& out) { return answer_memcached(store_, bytes, frame, row, out); });
}

void NullWorker::answer_refused(u32 index, std::string_view error) {
  // A copy, because the scratch text may be where it stands. Errors are not the fast path.
  const std::string copy(error);
  reply(index, [&](Output& out) {
    out.append(copy);
    return Answered{.is_data = false, .is_error = true};
  });
}

// The last `bytes` bytes of the batch are a new reply.
void NullWorker::finish_reply(u32 index, u64 bytes) {
  if (bytes == 0) return;
  Connection& connection = connections_[index];
  if (is_delayed_) {
    const Nanos due = draw_due();
    const bool waits = due > ring_.now() || connection.first_hold != kNone;
    if (waits && held_.hold(connection, index, bytes, due)) return;
  }
  mark_dirty(index, connection);
}

void NullWorker::put_reply(u32 index, std::string_view bytes) {
  Connection& connection = connections_[index];
  connection.out.append(blocks_, bytes);
  finish_reply(index, bytes.size());
}

// The reply is in text_.
void NullWorker::finish_sabotaged(u32 index, const Answered& answered) {
  if (text_.empty()) return;
  if (answered.is_data && sabotage_.wants_error()) {
    text_.assign(ordered_error(options_.protocol));
    ++counters_.errors;
  } else if (answered.is_data && sabotage_.corrupt(options_.protocol, text_)) {
    ++counters_.corrupted;
  }
  const bool wants_swap = answered.is_data && sabotage_.wants_swap();
  if (has_swap_candidate()) {
    // Equal replies would change places unseen; small talk is left alone.
    if (answered.is_data && text_ != candidate_.text) {
      const u32 partner = candidate_.connection;
      candidate_.connection = kNone;
      put_reply(partner, text_);
      put_reply(index, candidate_.text);
      sabotage_.swap_done();
      ++counters_.swapped;
      return;
    }
    put_swap_candidate();
  }
  if (!wants_swap) {
    put_reply(index, text_);
    return;
  }
  candidate_.connection = index;
  candidate_.generation = connections_[index].generation;
  std::swap(candidate_.text, text_);
}

bool NullWorker::has_swap_candidate() const {
  if (candidate_.connection == kNone) return false;
  const Connection& connection = connections_[candidate_.connection];
  return connection.generation == candidate_.generation &&
         (connection.state == ConnectionState::open ||
          connection.state == ConnectionState::draining);
}

// It has found no partner, so it leaves as it is.
void NullWorker::put_swap_candidate() {
  if (has_swap_candidate()) put_reply(candidate_.connection, candidate_.text);
  candidate_.connection = kNone;
}

// When the reply to a request of this tick may leave: it waits for its turn under the rate cap, and
// is then served for its time.
Nanos NullWorker::draw_due() {
  Nanos start = ring_.now();
  if (turn_length_ > 0) {
    start = std::max(start, next_turn_);
    turn_remainder_ += turn_length_;
    const double whole = std::floor(turn_remainder_);
    turn_remainder_ -= whole;
    next_turn_ = start + static_cast<Nanos>(whole);
  }
  return start + options_.service_time.draw(prng_);
}

}  // namespace ringfold::backend
