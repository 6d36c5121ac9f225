// The epoll Ring, for machines where io_uring is forbidden. The same loop in other system calls:
// what the owner prepares is done at once as far as the kernel lets it without blocking (a flush
// sends right before its wait() anyway), the rest is watched; wait() is one epoll_wait, one recv a
// readable socket, one send a socket that has room again.
//
// Level-triggered: what a tick leaves unread is told again by the next epoll_wait, so there is no
// list of unfinished work here and nothing to lose. The price is that the kernel looks at each
// socket once more after it was ready. What nobody waits for must be switched off instead, or it
// would be told without end. Both ways are lazy, since most sockets wait for input all their lives:
// interest is added when an operation needs what is not watched yet, and taken away by the first
// event that nobody wants. A hang-up cannot be switched off; a socket without operations is watched
// edge-triggered and for nothing, which tells of it once.
//
// Longer than most files: everything here turns around the one table of descriptors.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/clock.h"
#include "io/doorbell.h"
#include "io/epoll_buffers.h"
#include "io/epoll_sends.h"
#include "io/epoll_set.h"
#include "io/ring_accounts.h"
#include "io/socket.h"
#include "ringfold/base/assert.h"
#include "ringfold/io/ring.h"

namespace ringfold {
namespace {

// One tick's limits, so that neither many sockets nor one can keep it from its flush: as many
// events as the io_uring ring collects, and of each socket about as much as a flush of its answers.
// The kernel keeps what was not told in order, so nobody is passed over.
constexpr std::size_t kEventsMax = 512;
constexpr std::size_t kReceiveBytesMax = 64 * 1024;
constexpr u32 kAcceptsMax = 64;

constexpr u32 kNotParked = 0xffffffff;

// epoll's way to say that a socket is in its set and watched for nothing.
constexpr u32 kQuiet = EPOLLET;

class EpollRing final : public Ring {
 public:
  EpollRing(const RingOptions& options, const EpollFeatures& features)
      : shared_listeners_(options.shared_listeners),
        send_buffer_bytes_(options.send_buffer_bytes),
        set_(features) {}

  Expected<void> open(const RingOptions& options);

  Expected<int> listen(const Address& address, const ListenOptions& options) override;
  int open_socket(const Address& address, bool keepalive) override;
  void accept(int fd, UserData user_data) override { read_by(fd, Reader::accept, user_data); }
  void connect(int fd, const Address& address, UserData user_data) override;
  void recv(int fd, UserData user_data) override { read_by(fd, Reader::recv, user_data); }
  void send(int fd, std::span<const iovec> vectors, UserData user_data) override;
  void cancel(UserData user_data) override;
  void cancel_all(int fd) override;
  void shutdown_write(int fd) override { ::shutdown(fd, SHUT_WR); }
  void close(int fd) override;
  std::span<const Completion> wait(Nanos deadline) override;
  Nanos now() const override { return now_; }
  void release_buffer(u16 buffer) override { buffers_.release(buffer); }
  void ring_doorbell() override { doorbell_.ring(); }
  // What epoll reports has a place in any case: nothing overflows.
  RingNumbers numbers() const override { return {0, buffers_.bytes()}; }

  RingAccounts accounts() const { return {buffers_.held(), buffers_.lent(), buffers_.count()}; }

 private:
  enum class Reader : u8 { none, accept, recv };
  enum class Writer : u8 { none, connect, send };

  // What is known of a descriptor. Invariant: what its operations wait for is in interest.
  struct Descriptor {
    UserData reading;
    UserData writing;
    u32 interest = 0;  // as epoll was told; 0: it is not in epoll's set
    u32 parked = kNotParked;
    Reader reader = Reader::none;
    Writer writer = Writer::none;

    u32 wanted() const {
      return (reader != Reader::none ? u32{EPOLLIN} : 0u) |
             (writer != Writer::none ? u32{EPOLLOUT} : 0u);
    }
  };

  Descriptor& at(int fd);
  void forget(int fd);
  [[nodiscard]] int watch(int fd, Descriptor& descriptor);

  void read_by(int fd, Reader reader, UserData user_data);
  void write_by(int fd, Writer writer, UserData user_data);
  void end_reader(Descriptor& descriptor, i32 result);
  void end_writer(Descriptor& descriptor, i32 result);
  void cancel_writer(Descriptor& descriptor);
  Completion& complete(UserData user_data, i32 result);
  Completion& complete_quietly(UserData user_data, i32 result);

  void on_event(const epoll_event& event);
  void on_doorbell();
  void receive(int fd, Descriptor& descriptor);
  void accept_all(int fd, Descriptor& descriptor);
  void go_on_writing(int fd, Descriptor& descriptor);

  const std::span<const SharedListener> shared_listeners_;
  const u32 send_buffer_bytes_;
  EpollSet set_;
  Doorbell doorbell_;
  EpollBuffers buffers_;
  EpollSends sends_;
  std::vector<Descriptor> descriptors_;      // by descriptor
  std::unordered_map<u64, int> operations_;  // descriptors of what is waiting, by user_data
  std::vector<Completion> next_;             // what the coming wait() will return
  std::vector<Completion> returned_;         // what the last one did
  bool may_sleep_ = true;                    // nothing in next_ is a reason not to
  bool has_received_ = false;                // this wait() handed out a buffer
  int passed_over_ = -1;  // the first socket that got nothing of this wait()'s buffers
  Nanos now_ = 0;
};

Expected<void> EpollRing::open(const RingOptions& options) {
  if (options.buffer_count == 0 || options.buffer_count >= kNoBuffer || options.buffer_size == 0) {
    return fail("the number of receive buffers must be between 1 and 65534");
  }
  int error = set_.open(std::clamp<std::size_t>(options.completion_entries, 1, kEventsMax));
  if (error < 0) return fail(describe_descriptor_failure("an epoll instance", -error));
  error = doorbell_.open();
  if (error < 0) return fail(describe_descriptor_failure("an eventfd", -error));
  error = set_.add(doorbell_.fd(), EPOLLIN);
  if (error < 0) return fail(describe_descriptor_failure("a watch on an eventfd", -error));
  error = buffers_.open(options.buffer_count, options.buffer_size);
  if (error < 0) return fail(describe_descriptor_failure("memory to receive into", -error));
  now_ = monotonic_now();
  return {};
}

EpollRing::Descriptor& EpollRing::at(int fd) {
  RINGFOLD_ASSERT(fd >= 0);
  const auto index = static_cast<std::size_t>(fd);
  if (index >= descriptors_.size()) descriptors_.resize(index + 1);
  return descriptors_[index];
}

// The number is new: whatever it stood for before has been closed, and left epoll's set by that.
void EpollRing::forget(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= descriptors_.size()) return;
  RINGFOLD_ASSERT(descriptors_[index].wanted() == 0);
  descriptors_[index] = Descriptor();
}

// Has epoll watch for all that fd's operations wait for. 0 or -errno.
int EpollRing::watch(int fd, Descriptor& descriptor) {
  const u32 wanted = descriptor.wanted();
  if ((descriptor.interest & wanted) == wanted) return 0;
  if (descriptor.interest != 0) {
    set_.modify(fd, wanted);
  } else if (const int error = set_.add(fd, wanted); error < 0) {
    return error;
  }
  descriptor.interest = wanted;
  return 0;
}

Expected<int> EpollRing::listen(const Address& address, const ListenOptions& options) {
  const auto fd = open_or_duplicate_listener(shared_listeners_, address, options);
  if (!fd) return fd;
  set_nonblocking(*fd);
  set_send_buffer(*fd, send_buffer_bytes_);
  forget(*fd);
  return fd;
}

int EpollRing::open_socket(const Address& address, bool keepalive) {
  const int fd = ringfold::open_socket(address, keepalive);
  if (fd < 0) return fd;
  forget(fd);
  set_send_buffer(fd, send_buffer_bytes_);
  return fd;
}

Completion& EpollRing::complete(UserData user_data, i32 result) {
  may_sleep_ = false;
  return complete_quietly(user_data, result);
}

// A completion that is no reason to end a wait.
Completion& EpollRing::complete_quietly(UserData user_data, i32 result) {
  Completion& completion = next_.emplace_back();
  completion.user_data = user_data;
  completion.result = result;
  return completion;
}

void EpollRing::read_by(int fd, Reader reader, UserData user_data) {
  Descriptor& descriptor = at(fd);
  RINGFOLD_ASSERT(descriptor.reader == Reader::none);
  descriptor.reader = reader;
  descriptor.reading = user_data;
  const bool is_new = operations_.emplace(user_data.value(), fd).second;
  RINGFOLD_ASSERT(is_new);
  if (const int error = watch(fd, descriptor); error < 0) end_reader(descriptor, error);
}

void EpollRing::write_by(int fd, Writer writer, UserData user_data) {
  Descriptor& descriptor = at(fd);
  RINGFOLD_ASSERT(descriptor.writer == Writer::none);
  descriptor.writer = writer;
  descriptor.writing = user_data;
  const bool is_new = operations_.emplace(user_data.value(), fd).second;
  RINGFOLD_ASSERT(is_new);
  if (const int error = watch(fd, descriptor); error < 0) {
    if (writer == Writer::send) {
      end_writer(descriptor, sends_.abandon(descriptor.parked, error));
    } else {
      end_writer(descriptor, error);
    }
  }
}

void EpollRing::end_reader(Descriptor& descriptor, i32 result) {
  RINGFOLD_ASSERT(descriptor.reader != Reader::none);
  operations_.erase(descriptor.reading.value());
  descriptor.reader = Reader::none;
  complete(descriptor.reading, result);
}

void EpollRing::end_writer(Descriptor& descriptor, i32 result) {
  RINGFOLD_ASSERT(descriptor.writer != Writer::none);
  operations_.erase(descriptor.writing.value());
  descriptor.writer = Writer::none;
  descriptor.parked = kNotParked;
  complete(descriptor.writing, result);
}

void EpollRing::connect(int fd, const Address& address, UserData user_data) {
  set_nonblocking(fd);
  if (::connect(fd, address.get(), address.length) == 0) {
    complete(user_data, 0);
  } else if (errno == EINPROGRESS) {
    write_by(fd, Writer::connect, user_data);
  } else {
    // Among them EAGAIN of a unix socket whose backlog is full: no event tells of room there.
    complete(user_data, -errno);
  }
}

void EpollRing::send(int fd, std::span<const iovec> vectors, UserData user_data) {
  RINGFOLD_ASSERT(!vectors.empty());
  RINGFOLD_ASSERT(vectors.size() <= kFlushIovecsMax);
  std::size_t total = 0;
  for (const iovec& vector : vectors) {
    RINGFOLD_DEBUG_ASSERT(vector.iov_len > 0);
    total += vector.iov_len;
  }
  RINGFOLD_ASSERT(total > 0);
  RINGFOLD_ASSERT(total <= static_cast<std::size_t>(std::numeric_limits<i32>::max()));
  const i32 sent = try_send(fd, vectors);
  if (sent == static_cast<i32>(total)) {
    complete_quietly(user_data, sent);
  } else if (sent < 0 && sent != -EAGAIN) {
    complete(user_data, sent);
  } else {
    at(fd).parked = sends_.park(vectors, static_cast<std::size_t>(std::max(sent, 0)));
    write_by(fd, Writer::send, user_data);
  }
}

void EpollRing::cancel_writer(Descriptor& descriptor) {
  i32 result = -ECANCELED;
  if (descriptor.writer == Writer::send) result = sends_.abandon(descriptor.parked, result);
  end_writer(descriptor, result);
}

void EpollRing::cancel(UserData user_data) {
  const auto operation = operations_.find(user_data.value());
  if (operation == operations_.end()) return;
  Descriptor& descriptor = at(operation->second);
  if (descriptor.reader != Reader::none && descriptor.reading.value() == user_data.value()) {
    end_reader(descriptor, -ECANCELED);
  } else {
    cancel_writer(descriptor);
  }
}

void EpollRing::cancel_all(int fd) {
  Descriptor& descriptor = at(fd);
  if (descriptor.reader != Reader::none) end_reader(descriptor, -ECANCELED);
  if (descriptor.writer != Writer::none) cancel_writer(descriptor);
}

// Closing alone would leave a duplicated listener in epoll's set, under a number that is free.
void EpollRing::close(int fd) {
  Descriptor& descriptor = at(fd);
  RINGFOLD_ASSERT(descriptor.reader == Reader::none);
  RINGFOLD_ASSERT(descriptor.writer == Writer::none);
  if (descriptor.interest != 0) set_.remove(fd);
  descriptor = Descriptor();
  ::close(fd);
}

void EpollRing::receive(int fd, Descriptor& descriptor) {
  std::size_t allowed = kReceiveBytesMax;
  while (allowed > 0) {
    std::span<char> room = buffers_.room();
    if (room.empty()) {
      // Buffers that this wait() hands out will be back with the next, and so will this socket.
      // Only when all are with the owner for longer must it be told.
      if (!has_received_) return end_reader(descriptor, -ENOBUFS);
      if (passed_over_ < 0 && allowed == kReceiveBytesMax) passed_over_ = fd;
      return;
    }
    room = room.first(std::min(room.size(), allowed));
    const ssize_t size = ::recv(fd, room.data(), room.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return end_reader(descriptor, size == 0 ? 0 : -errno);
    const EpollBuffers::Received received = buffers_.take(static_cast<std::size_t>(size));
    has_received_ = true;
    Completion& completion = complete(descriptor.reading, static_cast<i32>(size));
    completion.more = true;
    completion.buffer = received.buffer;
    completion.data = received.data;
    if (static_cast<std::size_t>(size) < room.size()) return;
    allowed -= room.size();
  }
}

// Errors of a connection that was gone before it was accepted, which accept(2) passes on.
bool is_of_one_connection(int error) {
  switch (error) {
    case ECONNABORTED:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EPROTO:
      return true;
    default:
      return false;
  }
}

void EpollRing::accept_all(int fd, Descriptor& descriptor) {
  for (u32 i = 0; i < kAcceptsMax; ++i) {
    // O_NONBLOCK is not needed: each recv and send says so for itself.
    const int accepted = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
    if (accepted >= 0) {
      forget(accepted);
      complete(descriptor.reading, accepted).more = true;
      continue;
    }
    // Workers that share a unix listener are all woken; one gets the client.
    if (errno == EAGAIN || errno == EINTR) return;
    if (!is_of_one_connection(errno)) return end_reader(descriptor, -errno);
  }
}

void EpollRing::go_on_writing(int fd, Descriptor& descriptor) {
  i32 result = 0;
  if (descriptor.writer == Writer::send) {
    if (sends_.resume(descriptor.parked, fd, result)) end_writer(descriptor, result);
    return;
  }
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  end_writer(descriptor, -error);
}

void EpollRing::on_doorbell() {
  doorbell_.answer();
  complete(UserData(Op::wake, 0, 0), 0);
}

void EpollRing::on_event(const epoll_event& event) {
  const int fd = event.data.fd;
  if (fd == doorbell_.fd()) return on_doorbell();
  RINGFOLD_ASSERT(static_cast<std::size_t>(fd) < descriptors_.size());
  Descriptor& descriptor = descriptors_[static_cast<std::size_t>(fd)];
  // An end of stream is input; broken connections concern whoever waits.
  const bool is_broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
  const u32 told = (event.events & (EPOLLIN | EPOLLOUT)) | (is_broken ? descriptor.wanted() : 0u);
  if ((told & ~descriptor.wanted()) != 0 || (is_broken && descriptor.wanted() == 0)) {
    const u32 interest = descriptor.wanted() == 0 ? kQuiet : descriptor.wanted();
    if (descriptor.interest != interest) set_.modify(fd, interest);
    descriptor.interest = interest;
  }
  if ((told & EPOLLIN) != 0) {
    if (descriptor.reader == Reader::recv) receive(fd, descriptor);
    if (descriptor.reader == Reader::accept) accept_all(fd, descriptor);
  }
  if ((told & EPOLLOUT) != 0 && descriptor.writer != Writer::none) go_on_writing(fd, descriptor);
}

std::span<const Completion> EpollRing::wait(Nanos deadline) {
  std::span<epoll_event> events;
  Nanos timeout = 0;
  do {  // again after a signal
    timeout = may_sleep_ ? time_until(deadline, now_) : 0;
    events = set_.wait(timeout);
  } while (events.empty() && timeout > 0);
  // A flood is told in the same order each time. Who found no buffer in the last tick is first now.
  if (passed_over_ >= 0) {
    const auto first = std::find_if(events.begin(), events.end(), [this](const epoll_event& event) {
      return event.data.fd == passed_over_;
    });
    std::rotate(events.begin(), first, events.end());
  }
  passed_over_ = -1;
  has_received_ = false;
  for (const epoll_event& event : events) on_event(event);
  may_sleep_ = true;
  now_ = monotonic_now();
  returned_.clear();
  returned_.swap(next_);
  return returned_;
}

}  // namespace

RingAccounts epoll_accounts(const Ring& ring) {
  return static_cast<const EpollRing&>(ring).accounts();
}

Expected<std::unique_ptr<Ring>> open_epoll(const RingOptions& options,
                                           const EpollFeatures& features) {
  auto ring = std::make_unique<EpollRing>(options, features);
  if (auto opened = ring->open(options); !opened) return fail(opened.error().text);
  return std::unique_ptr<Ring>(std::move(ring));
}

}  // namespace ringfold
