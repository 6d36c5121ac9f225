// From a client's bytes to whole requests. They are parsed where they were received; only an
// incomplete one is copied, into the carry, a block that starts with the parser's progress. While a
// connection is paused the carry collects whatever arrives.
#include <algorithm>
#include <cstring>
#include <new>

#include "backend/null_worker.h"
#include "ringfold/base/assert.h"
#include "ringfold/base/limits.h"
#include "ringfold/proto/resp.h"

namespace ringfold::backend {

namespace {

// How much is copied behind an incomplete request whose length is not known yet.
constexpr std::size_t kTopUp = 256;

constexpr u64 kRequestSizeMax = 1_GiB;

// Past these a connection is not read until it has taken half of what it asked for.
constexpr u64 kOutputMax = 1_MiB;
constexpr u32 kHeldMax = 64 * 1024;

constexpr u32 kCarryHead = sizeof(RequestFrame);

RequestFrame& carry_frame(Block* carry) {
  return *std::launder(reinterpret_cast<RequestFrame*>(carry->data));
}

}  // namespace

Block* NullWorker::append_to_carry(Block* carry, std::string_view bytes) {
  carry = blocks_.grow(carry, bytes.size() + kReadablePadding);
  std::memcpy(carry->data + carry->end, bytes.data(), bytes.size());
  carry->end += static_cast<u32>(bytes.size());
  return carry;
}

Block* NullWorker::start_carry(std::string_view bytes, const RequestFrame& frame) {
  Block* carry = blocks_.take(kCarryHead + bytes.size() + kReadablePadding);
  ::new (static_cast<void*>(carry->data)) RequestFrame(frame);
  carry->begin = kCarryHead;
  carry->end = kCarryHead;
  return append_to_carry(carry, bytes);
}

bool NullWorker::must_pause(const Connection& connection) const {
  return connection.out.size() > kOutputMax || connection.held_count >= kHeldMax;
}

void NullWorker::feed(u32 index, std::string_view in) {
  Connection& connection = connections_[index];
  while (!in.empty() && connection.state == ConnectionState::open) {
    if (!connection.paused && must_pause(connection)) {
      connection.paused = true;
      queue_for_settling(index, connection);
      // Only settle() arms it again.
      const UserData receive(Op::client_recv, connection.generation, index);
      if (connection.receiving) ring_.cancel(receive);
    }
    if (connection.paused) {
      connection.carry = connection.carry == nullptr ? start_carry(in, RequestFrame{})
                                                     : append_to_carry(connection.carry, in);
      return;
    }
    if (connection.skip_bytes > 0) {
      const u64 skipped = std::min<u64>(connection.skip_bytes, in.size());
      connection.skip_bytes -= skipped;
      in.remove_prefix(static_cast<std::size_t>(skipped));
      continue;
    }
    if (connection.carry != nullptr) {
      in.remove_prefix(top_up(index, in));
      continue;
    }
    RequestFrame frame;
    std::size_t used = 0;
    switch (take_request(index, in, frame, used)) {
      case Step::handled:
        in.remove_prefix(used);
        break;
      case Step::incomplete:
        connection.carry = start_carry(in, frame);
        return;
      case Step::failed:
        return;
    }
  }
}

// Completes the request in the carry from the new bytes. Returns how many of them were used.
std::size_t NullWorker::top_up(u32 index, std::string_view in) {
  Connection& connection = connections_[index];
  Block* carry = connection.carry;
  const std::size_t have = carry->size();
  const u64 need = carry_frame(carry).need;
  const std::size_t wanted = need > have ? static_cast<std::size_t>(need) - have : kTopUp;
  const std::size_t given = std::min(in.size(), wanted);
  carry = append_to_carry(carry, in.substr(0, given));
  connection.carry = nullptr;
  std::size_t used = 0;
  const Step step = take_request(index, carry->view(), carry_frame(carry), used);
  if (step == Step::incomplete) {
    connection.carry = carry;
    return given;
  }
  blocks_.give(carry);
  if (step == Step::failed) return in.size();
  RINGFOLD_ASSERT(used > have);
  return std::min(used - have, in.size());
}

void NullWorker::resume(u32 index) {
  Connection& connection = connections_[index];
  const bool may_resume =
      connection.out.size() <= kOutputMax / 2 && connection.held_count < kHeldMax / 2;
  if (!may_resume) return;
  connection.paused = false;
  Block* kept = connection.carry;
  if (kept == nullptr) return;
  connection.carry = nullptr;
  feed(index, kept->view());
  blocks_.give(kept);
}

NullWorker::Step NullWorker::take_request(u32 index, std::string_view bytes, RequestFrame& frame,
                                          std::size_t& used) {
  return options_.protocol == Protocol::redis ? take_redis(index, bytes, frame, used)
                                              : take_memcached(index, bytes, frame, used);
}

NullWorker::Step NullWorker::take_redis(u32 index, std::string_view bytes, RequestFrame& frame,
                                        std::size_t& used) {
  if (bytes.front() != '*') return take_inline(index, bytes, used);
  const ParseStatus status = resp::parse_request(bytes, kRequestSizeMax, frame);
  if (status == ParseStatus::incomplete) return Step::incomplete;
  if (status == ParseStatus::invalid) {
    text_.assign("-ERR ").append(frame.error).append("\r\n");
    refuse(index, text_);
    return Step::failed;
  }
  used = frame.offset;
  answer_redis_request(index, bytes.substr(0, used), frame);
  return Step::handled;
}

NullWorker::Step NullWorker::take_inline(u32 index, std::string_view bytes, std::size_t& used) {
  const resp::InlineResult line = resp::parse_inline(bytes, inline_request_);
  if (line.status == ParseStatus::incomplete) return Step::incomplete;
  if (line.status == ParseStatus::invalid) {
    text_.assign("-ERR ").append(line.error).append("\r\n");
    refuse(index, text_);
    return Step::failed;
  }
  used = line.consumed;
  const std::size_t length = inline_request_.size();
  if (length == 0) return Step::handled;
  inline_request_.append(kReadablePadding, '\0');
  RequestFrame frame;
  const std::string_view request(inline_request_.data(), length);
  const ParseStatus status = resp::parse_request(request, kRequestSizeMax, frame);
  RINGFOLD_ASSERT(status == ParseStatus::complete);
  answer_redis_request(index, request, frame);
  return Step::handled;
}

NullWorker::Step NullWorker::take_memcached(u32 index, std::string_view bytes, RequestFrame& frame,
                                            std::size_t& used) {
  const memcached::CommandRow* row = nullptr;
  const ParseStatus status = memcached::parse_request(bytes, kRequestSizeMax, frame, row);
  if (status == ParseStatus::incomplete) return Step::incomplete;
  if (status == ParseStatus::invalid) {
    text_.assign(frame.error).append("\r\n");
    refuse(index, text_);
    return Step::failed;
  }
  used = frame.offset;
  if (frame.error == nullptr) {
    answer_memcached_request(index, bytes.substr(0, used), frame, *row);
    return Step::handled;
  }
  if (used > bytes.size()) {
    connections_[index].skip_bytes = used - bytes.size();
    used = bytes.size();
  }
  text_.assign(frame.error);
  if (!text_.empty()) text_.append("\r\n");
  answer_refused(index, text_);
  return Step::handled;
}

// The stream cannot go on.
void NullWorker::refuse(u32 index, std::string_view error) {
  answer_refused(index, error);
  drain(index, connections_[index]);
}

}  // namespace ringfold::backend
