// From bytes to the requests that wait for them.
#include <cstring>

#include "load/texts.h"
#include "load/worker.h"
#include "ringfold/base/limits.h"

namespace ringfold::load {
namespace {

// A reply that grows past this is none of ours: two values of the largest size.
constexpr u64 kReplyMax = 2 * u64{kValueSizeMax};

resp::ReplyFrame& frame_of(Connection& connection, const RedisJudge&) {
  return connection.redis_reply;
}
memcached::ReplyFrame& frame_of(Connection& connection, const MemcachedJudge&) {
  return connection.memcached_reply;
}

}  // namespace

void Worker::take_bytes(Connection& connection, std::string_view bytes) {
  if (connection.stage == Stage::greeting) take_greeting(connection, bytes);
  if (connection.stage != Stage::ready || bytes.empty()) return;
  if (plan_.protocol == Protocol::redis) {
    take_replies(connection, bytes, redis_judge_);
  } else {
    take_replies(connection, bytes, memcached_judge_);
  }
  if (connection.stage != Stage::ready) return;
  if (plan_.is_open_loop() && connection.line.requests.empty()) list_idle(index_of(connection));
  fill_up(connection);
}

// The replies to AUTH and SELECT: status lines, or the end of the run.
void Worker::take_greeting(Connection& connection, std::string_view& bytes) {
  while (connection.greetings_left != 0) {
    std::size_t used = 0;
    const ParseStatus status = resp::parse_reply(bytes, connection.redis_reply, used);
    keep(connection, bytes.substr(0, used));
    bytes.remove_prefix(used);
    if (status == ParseStatus::incomplete) return;
    const std::string reply(connection.carry->view());
    drop_carry(connection);
    connection.redis_reply = {};
    if (status == ParseStatus::invalid || reply != "+OK\r\n") {
      lose(connection, "AUTH or SELECT was answered with: " + shown_bytes(reply));
      return;
    }
    --connection.greetings_left;
  }
  become_ready(connection);
}

template <class Judge>
void Worker::take_replies(Connection& connection, std::string_view bytes, Judge& judge) {
  auto& frame = frame_of(connection, judge);
  while (!bytes.empty()) {
    if (connection.line.requests.empty()) {
      ++tally_.mismatches;
      tally_.add_fault({"a reply that nobody asked for", "", "", shown_bytes(bytes)});
      lose(connection, "closed here, because its replies are out of step");
      return;
    }
    const Pending& pending = connection.line.requests.front();
    const Recipe& recipe = traffic_.recipe(pending);
    const Asked asked{recipe, connection.line, pending.is_measured};
    if (connection.carry == nullptr) {
      const std::size_t size = judge.quick(asked, bytes);
      if (size != 0) [[likely]] {
        finish(connection, recipe);
        bytes.remove_prefix(size);
        continue;
      }
    }
    std::size_t used = 0;
    const ParseStatus status = judge.scan(asked, bytes, frame, used);
    const bool is_too_long = connection.carry != nullptr && connection.carry->size() > kReplyMax;
    if (status == ParseStatus::invalid || is_too_long) {
      judge.on_broken_stream(asked, bytes);
      lose(connection, "closed here, because what came is no reply");
      return;
    }
    if (status == ParseStatus::complete && connection.carry == nullptr) {
      judge.judge(asked, bytes.substr(0, used));
    } else {
      keep(connection, bytes.substr(0, used));
      if (status == ParseStatus::incomplete) return;
      judge.judge(asked, connection.carry->view());
      drop_carry(connection);
    }
    bytes.remove_prefix(used);
    frame = {};
    finish(connection, recipe);
  }
}

// The front of the line has its reply.
void Worker::finish(Connection& connection, const Recipe& recipe) {
  const Pending& pending = connection.line.requests.front();
  const Nanos now = ring_->now();
  if (pending.is_measured) {
    recent_[pending.recipe].record(static_cast<u64>(now - pending.since));
    ++tally_.requests;
    tally_.in_time += now <= measure_to_;
  } else if (pending.is_fill) {
    ++filled_;
  }
  connection.line.keys.pop(recipe.key_count);
  connection.line.requests.pop();
  --waiting_;
  last_reply_ = now;
}

// Keeps the bytes of a reply that is not whole yet.
void Worker::keep(Connection& connection, std::string_view piece) {
  if (connection.carry == nullptr) {
    connection.carry = blocks_.take(piece.size());
  } else {
    connection.carry = blocks_.grow(connection.carry, piece.size());
  }
  std::memcpy(connection.carry->data + connection.carry->end, piece.data(), piece.size());
  connection.carry->end += static_cast<u32>(piece.size());
}

void Worker::drop_carry(Connection& connection) {
  if (connection.carry == nullptr) return;
  blocks_.give(connection.carry);
  connection.carry = nullptr;
}

}  // namespace ringfold::load
