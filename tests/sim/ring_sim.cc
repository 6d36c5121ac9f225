// The owner's side of RingSim: the calls of ring.h and the duties that come with them.
#include "ring_sim.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ringfold/base/limits.h"

namespace ringfold::sim {

namespace {

// Turns that brought nothing, asked for nothing and want to go on at once. A worker may take a few
// (it looks at a deadline again, it splits a long piece of work), but not go on so.
constexpr u32 kIdleTurnsMax = 64;
constexpr Nanos kIdleTurnsTime = 500 * kMicrosecond;

}  // namespace

RingSim::RingSim(Universe& universe, Network& network, const RingSimOptions& options,
                 std::string name)
    : universe_(universe), network_(network), options_(options), name_(std::move(name)) {
  buffers_.resize(options.buffer_count);
  now_ = universe_.now();
}

RingSim::~RingSim() {
  for (Descriptor& descriptor : descriptors_) {
    if (descriptor.acceptance) {
      network_.unlisten(descriptor.acceptance->address, *descriptor.acceptance);
    }
    if (descriptor.end != nullptr) descriptor.end->owner = nullptr;
  }
}

void RingSim::misuse(const std::string& what) {
  universe_.fail(name_ + ": the ring's owner broke the contract: " + what);
}

bool RingSim::check_fd(int fd, Kind kind, const char* what) {
  const auto index = static_cast<std::size_t>(fd - kFirstDescriptor);
  if (fd >= kFirstDescriptor && index < descriptors_.size() && descriptors_[index].kind == kind) {
    return true;
  }
  misuse(std::string(what) + " of descriptor " + std::to_string(fd) + ", which is not open for it");
  return false;
}

int RingSim::new_descriptor() {
  std::size_t index = descriptors_.size();
  if (options_.reuse_descriptors) {
    for (std::size_t i = 0; i < descriptors_.size(); ++i) {
      if (descriptors_[i].kind == Kind::closed) {
        index = i;
        break;
      }
    }
  }
  if (index == descriptors_.size()) descriptors_.emplace_back();
  descriptors_[index] = Descriptor();
  return kFirstDescriptor + static_cast<int>(index);
}

Expected<int> RingSim::listen(const Address& address, const ListenOptions&) {
  if (network_.reach(address) != Reach::open) return fail("Address already in use");
  const int fd = new_descriptor();
  Descriptor& descriptor = at(fd);
  descriptor.kind = Kind::listener;
  descriptor.acceptance = std::make_unique<Acceptance>();
  descriptor.acceptance->ring = this;
  descriptor.acceptance->fd = fd;
  descriptor.acceptance->address = address;
  network_.listen(address, *descriptor.acceptance);
  return fd;
}

int RingSim::open_socket(const Address&, bool) {
  if (universe_.dice.roll(Die::socket_fails)) return -EMFILE;
  const int fd = new_descriptor();
  at(fd).kind = Kind::stream;
  return fd;
}

u32 RingSim::find_live(UserData user_data) const {
  for (u32 i = 0; i < operations_.size(); ++i) {
    const Operation& operation = operations_[i];
    if (operation.state != State::free && operation.user_data.value() == user_data.value()) {
      return i;
    }
  }
  return kNone;
}

u32 RingSim::new_operation(UserData user_data, Op op, int fd, u32 Descriptor::*slot,
                           const char* what) {
  const Kind kind = op == Op::accept ? Kind::listener : Kind::stream;
  if (universe_.failed() || !check_fd(fd, kind, what)) return kNone;
  if (find_live(user_data) != kNone) {
    misuse(std::string(what) + " with the user_data of a live operation");
    return kNone;
  }
  Descriptor& descriptor = at(fd);
  if (descriptor.*slot != kNone) {
    misuse(std::string(what) + " while one is in the kernel for the same descriptor");
    return kNone;
  }
  u32 index = static_cast<u32>(operations_.size());
  if (free_operations_.empty()) {
    operations_.emplace_back();
  } else {
    index = free_operations_.back();
    free_operations_.pop_back();
  }
  Operation& operation = operations_[index];
  const u32 serial = operation.serial + 1;
  operation = Operation();
  operation.serial = serial;
  operation.user_data = user_data;
  operation.op = op;
  operation.fd = fd;
  operation.state = State::prepared;
  descriptor.*slot = index;
  prepared_.push_back({Prepared::Kind::operation, index, user_data, fd});
  return index;
}

void RingSim::accept(int fd, UserData user_data) {
  new_operation(user_data, Op::accept, fd, &Descriptor::reader, "accept");
}

void RingSim::connect(int fd, const Address& address, UserData user_data) {
  const u32 index =
      new_operation(user_data, Op::backend_connect, fd, &Descriptor::writer, "connect");
  if (index == kNone) return;
  if (at(fd).end != nullptr) {
    misuse("connect of a connected socket");
  }
  operations_[index].address = address;
}

void RingSim::recv(int fd, UserData user_data) {
  new_operation(user_data, Op::client_recv, fd, &Descriptor::reader, "recv");
}

void RingSim::send(int fd, std::span<const iovec> vectors, UserData user_data) {
  const u32 index = new_operation(user_data, Op::client_send, fd, &Descriptor::writer, "send");
  if (index == kNone) return;
  ++traffic_.sends;
  Operation& operation = operations_[index];
  if (vectors.empty() || vectors.size() > kFlushIovecsMax) {
    misuse("send of " + std::to_string(vectors.size()) + " vectors");
  }
  operation.vectors.assign(vectors.begin(), vectors.end());
  for (const iovec& vector : vectors) {
    if (vector.iov_len == 0) misuse("send of an empty vector");
    operation.copy.append(static_cast<const char*>(vector.iov_base), vector.iov_len);
  }
}

void RingSim::cancel(UserData user_data) {
  if (user_data.op() == Op::client_recv) ++receives_cancelled_;
  prepared_.push_back({Prepared::Kind::cancel, kNone, user_data, -1});
}

void RingSim::cancel_all(int fd) {
  prepared_.push_back({Prepared::Kind::cancel_fd, kNone, UserData(), fd});
}

void RingSim::shutdown_write(int fd) {
  if (!check_fd(fd, Kind::stream, "shutdown_write")) return;
  Descriptor& descriptor = at(fd);
  trace("shutdown_write", fd, 0);
  descriptor.shut = true;
  if (descriptor.end != nullptr) descriptor.end->shutdown();
}

void RingSim::close(int fd) {
  const auto index = static_cast<std::size_t>(fd - kFirstDescriptor);
  if (fd < kFirstDescriptor || index >= descriptors_.size() ||
      descriptors_[index].kind == Kind::closed) {
    misuse("close of descriptor " + std::to_string(fd) + ", which is not open");
    return;
  }
  Descriptor& descriptor = descriptors_[index];
  if (descriptor.reader != kNone || descriptor.writer != kNone) {
    misuse("close of descriptor " + std::to_string(fd) + " with an operation in the kernel");
    return;
  }
  trace("close", fd, 0);
  if (descriptor.acceptance) {
    network_.unlisten(descriptor.acceptance->address, *descriptor.acceptance);
    for (End* end : descriptor.acceptance->backlog) end->reset(true);
  }
  if (descriptor.end != nullptr) {
    descriptor.end->owner = nullptr;
    descriptor.end->close();
  }
  descriptor = Descriptor();
}

void RingSim::release_buffer(u16 buffer) {
  if (buffer >= buffers_.size() || buffers_[buffer].out == 0) {
    misuse("release of buffer " + std::to_string(buffer) + ", which is not out");
    return;
  }
  Buffer& slot = buffers_[buffer];
  if (--slot.out != 0) return;
  if (options_.incremental && !slot.retired) {
    std::memset(slot.block.get(), kReceiveGarbage, slot.used);
    return;
  }
  const char* padding = slot.block.get() + slot.size;
  for (std::size_t i = 0; i < kReadablePadding; ++i) {
    if (padding[i] != kReceiveGarbage) return misuse("bytes behind a receive buffer were written");
  }
  // Whoever still looks at the bytes sees garbage, and an address sanitizer sees the reader.
  std::memset(slot.block.get(), kReceiveGarbage, slot.size);
  slot = Buffer();
  for (Descriptor& descriptor : descriptors_) descriptor.starved = 0;
}

void RingSim::ring_doorbell() {
  if (doorbell_rung_) return;
  doorbell_rung_ = true;
  const bool late = universe_.dice.roll(Die::doorbell_late);
  universe_.after(late ? universe_.dice.between(0, 2 * kMillisecond) : kMicrosecond, *this,
                  event_wake);
}

bool RingSim::wants_turn() const {
  if (retired_) return false;
  return awake_ || !prepared_.empty() || !pending_.empty() || universe_.now() >= deadline_;
}

bool RingSim::neighbour_wants_turn() const {
  if (neighbours_ == nullptr) return false;
  return std::any_of(neighbours_->begin(), neighbours_->end(),
                     [this](const RingSim* ring) { return ring != this && ring->wants_turn(); });
}

Nanos RingSim::neighbours_deadline() const {
  Nanos deadline = kNever;
  if (neighbours_ == nullptr) return deadline;
  for (const RingSim* ring : *neighbours_) {
    if (ring != this && !ring->retired_) deadline = std::min(deadline, ring->deadline_);
  }
  return deadline;
}

// No spinning, and no flood of operations.
void RingSim::check_turn(Nanos deadline) {
  ++turns_;
  const std::size_t allowed = 64 + 8 * (returned_.size() + descriptors_.size());
  if (prepared_.size() > allowed) {
    misuse(std::to_string(prepared_.size()) + " operations in one turn");
  }
  const bool idle = returned_.empty() && prepared_.empty() && awake_ && deadline <= universe_.now();
  if (!idle || universe_.now() - idle_since_ > kIdleTurnsTime) {
    idle_turns_ = 0;
    idle_since_ = universe_.now();
  } else if (++idle_turns_ > kIdleTurnsMax) {
    misuse("it spins: " + std::to_string(idle_turns_) +
           " turns without rest in which nothing happened");
  }
}

std::span<const Completion> RingSim::wait(Nanos deadline) {
  check_turn(deadline);
  returned_.clear();
  if (universe_.failed()) return {};
  deadline_ = deadline;
  awake_ = false;
  something_ = false;
  submitting_ = true;
  submit();
  submitting_ = false;
  // A turn takes time, so that even a worker that never sleeps gets somewhere.
  universe_.elapse(universe_.dice.between(1, 8) * 500);
  if (!universe_.dice.roll(Die::wait_returns_nothing)) {
    collect();
    while (!something_ && universe_.now() < deadline && !universe_.interrupted &&
           universe_.now() < universe_.horizon && !neighbour_wants_turn()) {
      const Nanos limit = std::min({deadline, universe_.horizon, neighbours_deadline()});
      if (!universe_.step(limit) && limit == kNever) {
        universe_.fail(name_ + ": sleeps for ever, and nothing is going to happen");
      }
      collect();
    }
  }
  // The quiet ones that this wait kept back were due with it: they end the next.
  for (Pending& pending : pending_) pending.quiet = false;
  awake_ = !returned_.empty() || universe_.now() >= deadline;
  now_ = universe_.now();
  return returned_;
}

// Moves what has completed to the owner, as far as the dice let it go. Completions of one
// operation keep their order; those of different operations need not.
void RingSim::collect() {
  if (pending_.empty()) return;
  Dice& dice = universe_.dice;
  if (pending_.size() > 1 && dice.roll(Die::completions_shuffled)) {
    for (std::size_t i = pending_.size() - 1; i > 0; --i) {
      const std::size_t j = dice.below(i + 1);
      const auto first = pending_.begin() + static_cast<std::ptrdiff_t>(j);
      const auto last = pending_.begin() + static_cast<std::ptrdiff_t>(i);
      const bool clear = std::none_of(first, last + 1, [&](const Pending& other) {
        return &other != &*first && other.operation == first->operation;
      });
      if (clear) std::rotate(first, first + 1, last + 1);
    }
  }
  std::size_t count = pending_.size();
  if (count > 1 && dice.roll(Die::completions_deferred)) count = 1 + dice.below(count);
  // What waits for a later tick must not have to wait for something else to happen: this wait ends.
  for (std::size_t i = 0; i < count || (!something_ && i < pending_.size()); ++i) {
    hand_out(pending_[i]);
    count = std::max(count, i + 1);
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
}

void RingSim::hand_out(const Pending& pending) {
  returned_.push_back(pending.completion);
  ++traffic_.completions;
  const Completion& completion = pending.completion;
  const Op op = completion.user_data.op();
  if ((op == Op::client_recv || op == Op::backend_recv) && completion.result > 0) {
    traffic_.bytes_received += static_cast<u64>(completion.result);
  }
  if (op == Op::accept && completion.result >= 0) ++traffic_.accepted;
  something_ |= !pending.quiet;
  if (pending.operation == kNone) {
    doorbell_rung_ = false;
    return;
  }
  if (pending.completion.more) return;
  Operation& operation = operations_[pending.operation];
  Descriptor& descriptor = at(operation.fd);
  if (operation.op == Op::client_send) {
    std::size_t offset = 0;
    for (const iovec& vector : operation.vectors) {
      if (std::memcmp(vector.iov_base, operation.copy.data() + offset, vector.iov_len) != 0) {
        misuse("bytes of a send changed before its completion");
        break;
      }
      offset += vector.iov_len;
    }
  }
  (descriptor.reader == pending.operation ? descriptor.reader : descriptor.writer) = kNone;
  operation.state = State::free;
  free_operations_.push_back(pending.operation);
}

u32 RingSim::open_descriptors() const {
  return static_cast<u32>(
      std::count_if(descriptors_.begin(), descriptors_.end(),
                    [](const Descriptor& descriptor) { return descriptor.kind != Kind::closed; }));
}

u32 RingSim::operations() const {
  return static_cast<u32>(operations_.size() - free_operations_.size());
}

u32 RingSim::buffers_out() const {
  u32 count = 0;
  for (const Buffer& buffer : buffers_) count += buffer.out;
  return count;
}

}  // namespace ringfold::sim
