// When which connection gets a request.
#include "load/worker.h"

namespace ringfold::load {
namespace {

// Bytes that may wait to be sent on one connection before it gets no further requests: what it has
// not sent, it need not hold.
constexpr u64 kOutMax = 1_MiB;
// Requests of a fill on one connection.
constexpr u32 kFillDepth = 64;
// Requests of one tick in the open loop, so that a backlog does not keep the replies from being
// read.
constexpr u32 kBurstMax = 4096;

}  // namespace

bool Worker::has_room(const Connection& connection) const {
  const u32 depth = phase_ == Phase::filling ? std::max(plan_.depth, kFillDepth) : plan_.depth;
  return connection.stage == Stage::ready && connection.line.requests.size() < depth &&
         connection.out.size() < kOutMax;
}

// Closed loop and fill: a connection that has room gets its next requests at once.
void Worker::fill_up(Connection& connection) {
  const bool is_filling = phase_ == Phase::filling;
  if (plan_.is_open_loop() && !is_filling) return;
  const Nanos now = ring_->now();
  const bool is_measured = now >= measure_from_;
  bool has_issued = false;
  while (has_room(connection) && may_issue()) {
    if (is_filling) {
      traffic_.issue_fill(connection, blocks_, now);
    } else {
      traffic_.issue(connection, blocks_, now, is_measured);
      if (is_measured && requests_left_ != 0) --requests_left_;
    }
    ++waiting_;
    has_issued = true;
  }
  if (has_issued) mark_dirty(connection);
}

void Worker::fill_up_all() {
  for (Connection& connection : connections_) fill_up(connection);
}

void Worker::list_idle(u32 index) {
  if (connections_[index].is_listed) return;
  connections_[index].is_listed = true;
  idle_.push(index);
}

// A connection that waits for nothing, the one that has done so longest; or else, in turns, one
// that still has room behind other requests; or none.
Connection* Worker::choose_connection() {
  while (!idle_.empty()) {
    Connection& connection = connections_[idle_.front()];
    idle_.pop();
    connection.is_listed = false;
    if (has_room(connection) && connection.line.requests.empty()) return &connection;
  }
  for (std::size_t tries = 0; tries < connections_.size(); ++tries) {
    Connection& connection = connections_[next_connection_];
    next_connection_ = next_connection_ + 1 == connections_.size() ? 0 : next_connection_ + 1;
    if (has_room(connection)) return &connection;
  }
  return nullptr;
}

// Open loop: sends what is due. A request that finds no room is not given up: it stays due, and
// its latency counts from then. True when there is more that could be sent at once.
bool Worker::issue_due() {
  const Nanos now = ring_->now();
  is_crowded_ = false;
  for (u32 count = 0; count < kBurstMax; ++count) {
    if (schedule_.next() > now || !may_issue()) return false;
    Connection* const connection = choose_connection();
    if (connection == nullptr) {
      is_crowded_ = true;
      return false;
    }
    const Nanos due = schedule_.next();
    const bool is_measured = due >= measure_from_ && due < measure_to_;
    traffic_.issue(*connection, blocks_, due, is_measured);
    if (is_measured) {
      if (requests_left_ != 0) --requests_left_;
      tally_.late_sum += now - due;
      tally_.late_max = std::max(tally_.late_max, now - due);
    }
    ++waiting_;
    mark_dirty(*connection);
    schedule_.advance();
  }
  return true;
}

}  // namespace ringfold::load
