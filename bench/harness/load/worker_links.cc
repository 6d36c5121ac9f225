// The life of connections, and the only place that sends.
#include <fmt/core.h>

#include <array>
#include <cstring>

#include "load/worker.h"
#include "ringfold/base/limits.h"

namespace ringfold::load {
namespace {

// Connections that may be on their way at once: a server's backlog is finite.
constexpr u32 kOpeningMax = 64;
constexpr Nanos kRetryAfter = 100 * kMillisecond;
// While the run starts: a unix socket answers EAGAIN when the backlog is full.
constexpr Nanos kRetrySoon = 2 * kMillisecond;

std::string_view mark_of(const Connection& connection) {
  return connection.stage == Stage::greeting ? " (in front of the first command)" : "";
}

}  // namespace

UserData Worker::name(const Connection& connection, Op op) const {
  return {op, connection.generation, index_of(connection)};
}

// Tries the connections without a socket whose time has come.
void Worker::retry_closed() {
  if (closed_ == 0) return;
  const Nanos now = ring_->now();
  for (u32 index = 0; index < connections_.size() && opening_ < kOpeningMax; ++index) {
    const Connection& connection = connections_[index];
    if (connection.stage == Stage::closed && connection.retry_at <= now) open(index);
  }
}

void Worker::open(u32 index) {
  Connection& connection = connections_[index];
  const int fd = ring_->open_socket(plan_.address, false);
  if (fd < 0) {
    connection.retry_at = ring_->now() + kRetryAfter;
    failure_ = fmt::format("a socket cannot be opened: {}", std::strerror(-fd));
    return;
  }
  --closed_;
  ++opening_;
  connection.fd = fd;
  ++connection.generation;
  connection.stage = Stage::connecting;
  connection.operations = 1;
  ring_->connect(fd, plan_.address, name(connection, Op::backend_connect));
}

void Worker::on_completion(const Completion& completion) {
  if (completion.user_data.op() == Op::wake) return;
  Connection& connection = connections_[completion.user_data.slot()];
  if (!completion.more) --connection.operations;
  switch (completion.user_data.op()) {
    case Op::backend_connect:
      on_connected(connection, completion.result);
      break;
    case Op::backend_recv:
      on_received(connection, completion);
      break;
    case Op::backend_send:
      connection.is_sending = false;
      on_sent(connection, completion.result);
      break;
    default:
      break;
  }
  if (connection.stage == Stage::closing && connection.operations == 0) finish_closing(connection);
}

void Worker::on_connected(Connection& connection, i32 result) {
  --opening_;
  if (connection.stage != Stage::connecting) return;
  if (result < 0) {
    const bool is_full = result == -EAGAIN;
    connection.stage = Stage::closing;
    connection.retry_at = ring_->now() + (is_full ? kRetrySoon : kRetryAfter);
    if (!is_full) {
      failure_ = fmt::format("{}: {}", to_string(plan_.address), std::strerror(-result));
    }
    return;
  }
  ring_->recv(connection.fd, name(connection, Op::backend_recv));
  ++connection.operations;
  greet(connection);
}

// AUTH and SELECT, where they are asked for.
void Worker::greet(Connection& connection) {
  BatchWriter out(connection.out, blocks_);
  if (!plan_.password.empty()) {
    resp::encode_number_line(out, '*', plan_.user.empty() ? 2 : 3);
    resp::encode_bulk(out, "AUTH");
    if (!plan_.user.empty()) resp::encode_bulk(out, plan_.user);
    resp::encode_bulk(out, plan_.password);
    ++connection.greetings_left;
  }
  if (plan_.database != 0) {
    resp::encode_number_line(out, '*', 2);
    resp::encode_bulk(out, "SELECT");
    resp::encode_bulk(out, std::to_string(plan_.database));
    ++connection.greetings_left;
  }
  connection.stage = Stage::greeting;
  if (connection.greetings_left == 0) {
    become_ready(connection);
  } else {
    mark_dirty(connection);
  }
}

void Worker::become_ready(Connection& connection) {
  connection.stage = Stage::ready;
  if (phase_ == Phase::connecting) return;
  if (plan_.is_open_loop()) list_idle(index_of(connection));
  fill_up(connection);
}

void Worker::on_received(Connection& connection, const Completion& completion) {
  const bool is_open = connection.stage == Stage::greeting || connection.stage == Stage::ready;
  if (completion.result > 0 && is_open) {
    const auto size = static_cast<std::size_t>(completion.result);
    tally_.bytes_received += size;
    take_bytes(connection, std::string_view(completion.data, size));
  }
  if (completion.buffer != kNoBuffer) ring_->release_buffer(completion.buffer);
  if (completion.more || connection.stage == Stage::closing) return;
  if (completion.result > 0 || completion.result == -ENOBUFS) {
    ring_->recv(connection.fd, name(connection, Op::backend_recv));
    ++connection.operations;
    return;
  }
  lose(connection, completion.result == 0
                       ? fmt::format("the server closed a connection{}", mark_of(connection))
                       : fmt::format("a connection broke: {}", std::strerror(-completion.result)));
}

void Worker::on_sent(Connection& connection, i32 result) {
  if (result < 0) {
    if (connection.stage != Stage::closing) {
      lose(connection, fmt::format("a connection broke: {}", std::strerror(-result)));
    }
    return;
  }
  tally_.bytes_sent += static_cast<u64>(result);
  connection.out.consume(blocks_, static_cast<u64>(result));
  if (connection.stage == Stage::closing) return;
  if (!connection.out.empty()) mark_dirty(connection);
  if (connection.stage == Stage::ready) fill_up(connection);
}

// Ends a connection: what it waited for is lost, and it will be opened again.
void Worker::lose(Connection& connection, const std::string& why) {
  if (phase_ == Phase::connecting) failure_ = why;
  if (phase_ != Phase::closing) {
    ++tally_.connections_lost;
    tally_.add_fault({why, "", "", ""});
    for (u32 i = 0; i < connection.line.requests.size(); ++i) {
      tally_.lost += connection.line.requests[i].is_measured;
    }
  }
  waiting_ -= connection.line.requests.size();
  connection.line.clear();
  drop_carry(connection);
  connection.redis_reply = {};
  connection.memcached_reply = {};
  connection.greetings_left = 0;
  connection.stage = Stage::closing;
  connection.retry_at = ring_->now() + kRetryAfter;
  if (connection.operations != 0) {
    ring_->cancel_all(connection.fd);
  } else {
    finish_closing(connection);
  }
}

void Worker::finish_closing(Connection& connection) {
  ring_->close(connection.fd);
  connection.fd = -1;
  connection.is_sending = false;
  connection.out.clear(blocks_);
  connection.stage = Stage::closed;
  ++closed_;
}

void Worker::mark_dirty(Connection& connection) {
  if (connection.is_dirty) return;
  connection.is_dirty = true;
  dirty_.push_back(index_of(connection));
}

// One send for every connection that has something to send and no send under way.
void Worker::flush() {
  for (const u32 index : dirty_) {
    Connection& connection = connections_[index];
    connection.is_dirty = false;
    const bool is_open = connection.stage == Stage::greeting || connection.stage == Stage::ready;
    if (!is_open || connection.is_sending || connection.out.empty()) continue;
    std::array<iovec, kFlushIovecsMax> vectors;
    const std::size_t count = connection.out.freeze(vectors, kFlushBytesMax);
    // A send that is taken whole does not end the next wait; what must go on behind it has to ask.
    if (connection.out.size() > connection.out.frozen()) wait_is_short_ = true;
    connection.is_sending = true;
    ++connection.operations;
    ring_->send(connection.fd, std::span(vectors).first(count), name(connection, Op::backend_send));
  }
  dirty_.clear();
}

}  // namespace ringfold::load
