// The kernel's side of RingSim: what becomes of submitted operations, as the network and the dice
// have it.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ring_sim.h"

namespace ringfold::sim {

void RingSim::trace(const char* what, int fd, i64 number, std::string_view bytes) {
  if (!universe_.tracing()) return;
  universe_.trace(
      name_, std::string(what) + " fd " + std::to_string(fd) + " " + std::to_string(number), bytes);
}

void RingSim::Acceptance::on_incoming(End& end) {
  backlog.push_back(&end);
  const u32 reader = ring->at(fd).reader;
  if (reader != kNone) ring->schedule(reader, event_progress, kMicrosecond);
}

void RingSim::schedule(u32 index, Event event, Nanos delay) {
  const u64 serial = operations_[index].serial;
  universe_.after(delay, *this, event, serial << 32 | index);
}

void RingSim::on_event(u32 kind, u64 argument) {
  if (kind == event_wake) {
    Completion completion;
    completion.user_data = UserData(Op::wake, 0, 0);
    pending_.push_back({completion, kNone, false});
    return;
  }
  const u32 index = static_cast<u32>(argument);
  Operation& operation = operations_[index];
  if (operation.serial != argument >> 32 || operation.state == State::free) return;
  if (kind == event_complete) {
    complete(index, static_cast<i32>(operation.done), false);
  } else if (kind == event_cancel) {
    finish_cancel(index);
  } else {
    progress(index);
  }
}

void RingSim::on_arrival(End& end) {
  const Descriptor& descriptor = at(static_cast<int>(end.tag));
  if (descriptor.reader != kNone) {
    if (universe_.dice.roll(Die::receive_late)) {
      schedule(descriptor.reader, event_progress, universe_.dice.between(0, 2 * kMillisecond));
    } else {
      progress(descriptor.reader);
    }
  }
  if (descriptor.writer != kNone && end.broken()) progress(descriptor.writer);
}

void RingSim::on_space(End& end) {
  const u32 writer = at(static_cast<int>(end.tag)).writer;
  if (writer == kNone) return;
  if (universe_.dice.roll(Die::send_slow)) {
    schedule(writer, event_progress, universe_.dice.between(0, kMillisecond));
  } else {
    progress(writer);
  }
}

void RingSim::submit() {
  for (std::size_t i = 0; i < prepared_.size(); ++i) {
    const Prepared prepared = prepared_[i];
    if (prepared.kind == Prepared::Kind::operation) {
      start(prepared.operation);
    } else if (prepared.kind == Prepared::Kind::cancel) {
      trace("cancel of one", -1, static_cast<i64>(prepared.user_data.value()));
      const u32 index = find_live(prepared.user_data);
      if (index != kNone) start_cancel(index);
    } else {
      trace("cancel of all", prepared.fd, 0);
      for (u32 index = 0; index < operations_.size(); ++index) {
        if (operations_[index].fd == prepared.fd) start_cancel(index);
      }
    }
  }
  prepared_.clear();
}

void RingSim::start(u32 index) {
  Operation& operation = operations_[index];
  Dice& dice = universe_.dice;
  operation.state = State::active;
  switch (operation.op) {
    case Op::backend_connect: {
      trace("connect", operation.fd, 0);
      if (network_.reach(operation.address) == Reach::silent || dice.roll(Die::connect_never)) {
        return;
      }
      const bool slow = dice.roll(Die::connect_slow);
      schedule(index, event_progress,
               slow ? dice.between(1, 400) * kMillisecond : dice.between(5, 60) * kMicrosecond);
      return;
    }
    case Op::client_send:
      operation.goal = operation.copy.size();
      trace("send", operation.fd, static_cast<i64>(operation.goal), operation.copy);
      if (dice.roll(Die::send_short)) operation.goal = 1 + dice.below(operation.goal);
      break;
    default:
      trace(operation.op == Op::accept ? "accept" : "recv", operation.fd, 0);
      break;
  }
  progress(index);
}

void RingSim::progress(u32 index) {
  if (operations_[index].state != State::active) return;
  switch (operations_[index].op) {
    case Op::accept:
      return progress_accept(index);
    case Op::backend_connect:
      return progress_connect(index);
    case Op::client_send:
      return progress_send(index);
    default:
      while (receive_once(index)) {
      }
  }
}

void RingSim::complete(u32 index, i32 result, bool more) {
  Operation& operation = operations_[index];
  trace("completes", operation.fd, result);
  Completion completion;
  completion.user_data = operation.user_data;
  completion.result = result;
  completion.more = more;
  if (!more) operation.state = State::ended;
  const bool whole = operation.op == Op::client_send && result >= 0 &&
                     static_cast<std::size_t>(result) == operation.copy.size();
  pending_.push_back({completion, index, whole && submitting_ && options_.quiet_sends});
}

void RingSim::progress_accept(u32 index) {
  const int listener = operations_[index].fd;
  while (operations_[index].state == State::active && !at(listener).acceptance->backlog.empty()) {
    if (universe_.dice.roll(Die::accept_fails)) return complete(index, -EMFILE, false);
    End& end = *at(listener).acceptance->backlog.front();
    at(listener).acceptance->backlog.pop_front();
    const int fd = new_descriptor();
    at(fd).kind = Kind::stream;
    at(fd).end = &end;
    end.owner = this;
    end.tag = static_cast<u32>(fd);
    complete(index, fd, !universe_.dice.roll(Die::accept_ends));
  }
}

void RingSim::progress_connect(u32 index) {
  Operation& operation = operations_[index];
  Dice& dice = universe_.dice;
  if (dice.roll(Die::connect_fails)) {
    constexpr int kErrors[] = {ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ECONNRESET};
    return complete(index, -kErrors[dice.below(4)], false);
  }
  if (dice.roll(Die::connect_refused)) return complete(index, -ECONNREFUSED, false);
  End* end = network_.dial(operation.address, *this, static_cast<u32>(operation.fd));
  at(operation.fd).end = end;
  complete(index, end != nullptr ? 0 : -ECONNREFUSED, false);
}

// One completion of a recv, if there is one to be had and the operation goes on after it.
bool RingSim::receive_once(u32 index) {
  Operation& operation = operations_[index];
  Descriptor& descriptor = at(operation.fd);
  Dice& dice = universe_.dice;
  if (operation.state != State::active) return false;
  if (descriptor.end == nullptr) {
    complete(index, -ENOTCONN, false);
    return false;
  }
  End& end = *descriptor.end;
  const std::string_view arrived = end.arrived();
  if (arrived.empty()) {
    if (end.broken()) {
      complete(index, -ECONNRESET, false);
    } else if (end.finished()) {
      complete(index, 0, false);
    }
    return false;
  }
  std::size_t wanted = std::min<std::size_t>(arrived.size(), options_.buffer_size);
  if (dice.roll(Die::receive_partly)) wanted = 1 + dice.below(wanted);
  Completion completion;
  completion.user_data = operation.user_data;
  completion.more = !dice.roll(Die::receive_ends);
  if (!take_buffer(wanted, completion, arrived)) {
    // The owner may arm again at once only if it has released something in between.
    if (++descriptor.starved > 3) misuse("recv again and again without a free buffer");
    complete(index, -ENOBUFS, false);
    return false;
  }
  trace("receives", operation.fd, completion.result,
        arrived.substr(0, static_cast<std::size_t>(completion.result)));
  if (!completion.more) operation.state = State::ended;
  pending_.push_back({completion, index, false});
  end.consume(static_cast<std::size_t>(completion.result));
  return completion.more;
}

bool RingSim::take_buffer(std::size_t wanted, Completion& completion, std::string_view bytes) {
  u32 index = options_.incremental ? current_buffer_ : kNone;
  if (index == kNone) {
    for (u32 i = 0; i < buffers_.size() && index == kNone; ++i) {
      if (!buffers_[i].block) index = i;
    }
    if (index == kNone) return false;
    Buffer& fresh = buffers_[index];
    // Without sharing, the block is exactly as long as its bytes: reading past the padding is seen.
    fresh.size = options_.incremental ? options_.buffer_size : wanted;
    fresh.block = std::make_unique<char[]>(fresh.size + kReadablePadding);
    std::memset(fresh.block.get() + fresh.size, kReceiveGarbage, kReadablePadding);
  }
  Buffer& buffer = buffers_[index];
  const std::size_t count = std::min(wanted, buffer.size - buffer.used);
  char* place = buffer.block.get() + buffer.used;
  std::memcpy(place, bytes.data(), count);
  buffer.used += count;
  ++buffer.out;
  buffer.retired = buffer.used == buffer.size;
  current_buffer_ = options_.incremental && !buffer.retired ? index : kNone;
  completion.buffer = static_cast<u16>(index);
  completion.data = place;
  completion.result = static_cast<i32>(count);
  return true;
}

void RingSim::progress_send(u32 index) {
  Operation& operation = operations_[index];
  End* end = at(operation.fd).end;
  Dice& dice = universe_.dice;
  if (end == nullptr) return complete(index, -ENOTCONN, false);
  while (operation.done < operation.goal) {
    if (!end->writable()) {
      if (operation.done > 0) break;
      return complete(index, end->broken() && dice.chance(1, 2) ? -ECONNRESET : -EPIPE, false);
    }
    std::size_t count = std::min(operation.goal - operation.done, end->room());
    if (count == 0) return;  // on_space() goes on
    const bool slow = dice.roll(Die::send_slow);
    if (slow) count = 1 + dice.below(count);
    write_some(operation, *end, count);
    if (slow && operation.done < operation.goal) {
      return schedule(index, event_progress, dice.between(0, kMillisecond));
    }
  }
  if (!dice.roll(Die::send_completes_late)) {
    return complete(index, static_cast<i32>(operation.done), false);
  }
  operation.state = State::ended;
  schedule(index, event_complete, dice.between(0, 2 * kMillisecond));
}

// Reads the owner's memory as late as a kernel may.
void RingSim::write_some(Operation& operation, End& end, std::size_t count) {
  std::string bytes;
  std::size_t skip = operation.done;
  for (const iovec& vector : operation.vectors) {
    if (skip >= vector.iov_len) {
      skip -= vector.iov_len;
      continue;
    }
    const std::size_t part = std::min(vector.iov_len - skip, count - bytes.size());
    bytes.append(static_cast<const char*>(vector.iov_base) + skip, part);
    skip = 0;
    if (bytes.size() == count) break;
  }
  if (operation.copy.compare(operation.done, count, bytes) != 0) {
    misuse("bytes of a send changed while it was in flight");
  }
  operation.done += count;
  end.write(bytes);
}

void RingSim::start_cancel(u32 index) {
  if (operations_[index].state != State::active) return;
  if (universe_.dice.roll(Die::cancel_late)) {
    schedule(index, event_cancel, universe_.dice.between(0, 2 * kMillisecond));
  } else {
    finish_cancel(index);
  }
}

void RingSim::finish_cancel(u32 index) {
  Operation& operation = operations_[index];
  if (operation.state != State::active) return;
  if (operation.op == Op::client_send && operation.done > 0) {
    return complete(index, static_cast<i32>(operation.done), false);
  }
  complete(index, -ECANCELED, false);
}

}  // namespace ringfold::sim
