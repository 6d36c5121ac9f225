// Ring: the kernel as a worker sees it, and the seam for simulation. Implementations:
// src/io/ring_uring.cc (io_uring, the product), src/io/ring_epoll.cc (its twin for where io_uring
// is forbidden) and tests/sim/ring_sim.cc (a deterministic world with a virtual clock).
//
// A worker prepares operations, then calls wait(): everything prepared is with the kernel by then,
// and what has completed comes back. One wait() is one tick. All calls are from the owning thread,
// except ring_doorbell(). Every operation is named by a UserData, which its completions carry.
//
//   operation   completions
//   accept      many (result = new descriptor), until one with more == false (which may bring a
//               descriptor too: arm again)
//   connect     one (0 or -errno)
//   recv        many (result > 0: that many bytes at data), until one with more == false, whose
//               result is
//               > 0         data, and the ring stopped: arm again
//               0           the peer closed its side
//               -ENOBUFS    no buffer was free: arm again after buffers were released
//               -ECANCELED  it was cancelled, or (rarely, uncalled) the ring has to look at the
//                           socket anew: arm again
//               or another error
//   send        one: the number of bytes sent (at least one, maybe fewer than asked, also when it
//               was cancelled or the connection broke in its middle), or -errno
//   doorbell    one a wake-up (op() == Op::wake), however often the bell was rung
#pragma once

#include <sys/uio.h>

#include <memory>
#include <span>
#include <string>

#include "ringfold/base/error.h"
#include "ringfold/base/ints.h"
#include "ringfold/base/limits.h"
#include "ringfold/io/address.h"

namespace ringfold {

enum class Op : u8 {
  none,
  accept,
  client_recv,
  client_send,
  backend_connect,
  backend_recv,
  backend_send,
  wake,
};

// What an operation belongs to: op (7 bits; the top bit is the ring's own) | generation (24) | slot
// (32).
class UserData {
 public:
  constexpr UserData() = default;
  constexpr UserData(Op op, u32 generation, u32 slot)
      : value_(static_cast<u64>(op) << 56 | static_cast<u64>(generation & 0xffffff) << 32 | slot) {}
  static constexpr UserData from(u64 value) {
    UserData user_data;
    user_data.value_ = value;
    return user_data;
  }

  constexpr Op op() const { return static_cast<Op>((value_ >> 56) & 0x7f); }
  constexpr u32 generation() const { return static_cast<u32>(value_ >> 32) & 0xffffff; }
  constexpr u32 slot() const { return static_cast<u32>(value_); }
  constexpr u64 value() const { return value_; }

 private:
  u64 value_ = 0;
};

inline constexpr u16 kNoBuffer = 0xffff;

struct Completion {
  UserData user_data;
  i32 result = 0;
  u16 buffer = kNoBuffer;  // recv: hand it to release_buffer() exactly once, unless kNoBuffer
  bool more = false;       // the operation goes on
  // recv: the received bytes. Valid until release_buffer(buffer). At least kReadablePadding bytes
  // behind them may be read (their values are undefined), never written.
  const char* data = nullptr;
};

struct ListenOptions {
  int backlog = 1024;
  bool keepalive = true;
  // TCP: an accepted peer that takes nothing of what waits for it for so long is reset by the
  // kernel (TCP_USER_TIMEOUT, ms). 0: never, as long as it is alive.
  u32 unread_timeout_ms = 0;
  // A socket that listens on the address already and is duplicated, with its own options, instead
  // of opening one: unix addresses know no SO_REUSEPORT, and the supervisor opens for all workers.
  // Not owned; -1: none.
  int shared = -1;
  // TCP: others of the same user may listen on the same address (SO_REUSEPORT).
  bool is_shared = true;
};

// A listening socket that exists already, and the address it listens on.
struct SharedListener {
  Address address;
  int fd = -1;
};

struct RingOptions {
  u32 submission_entries = 4096;
  u32 completion_entries = 16384;
  u32 buffer_count = 16;           // with incremental buffers; a power of two
  u32 buffer_size = 256 * 1024;    // bytes
  u32 classic_buffer_count = 128;  // without them
  u32 classic_buffer_size = 16 * 1024;
  u32 send_buffer_bytes = 0;  // of TCP sockets, as SO_SNDBUF takes it; 0: as the kernel likes
};

// What a ring knows of itself.
struct RingNumbers {
  u64 completion_overflows = 0;  // waits that found the completion queue overflown, since the start
  u64 receive_buffer_bytes = 0;  // memory of its receive buffers
};

class Ring {
 public:
  Ring() = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  virtual ~Ring() = default;

  // A listening socket (SO_REUSEPORT for TCP) with TCP_NODELAY and keepalive set so that accepted
  // sockets inherit them, or a duplicate of ListenOptions::shared. The ring does not own it; close
  // it with close().
  [[nodiscard]] virtual Expected<int> listen(const Address& address,
                                             const ListenOptions& options) = 0;

  // A socket for connect(), with TCP_NODELAY and, if asked, keepalive set. A descriptor or -errno.
  [[nodiscard]] virtual int open_socket(const Address& address, bool keepalive) = 0;

  virtual void accept(int fd, UserData user_data) = 0;
  virtual void connect(int fd, const Address& address, UserData user_data) = 0;
  virtual void recv(int fd, UserData user_data) = 0;

  // Requires: no send in flight on fd; 1 to kFlushIovecsMax vectors, none empty. The bytes must
  // stay untouched until the completion; the array itself is copied.
  virtual void send(int fd, std::span<const iovec> vectors, UserData user_data) = 0;

  // Ends one operation early, or all of fd's; each gets its last completion (-ECANCELED or what it
  // had reached). Nothing happens when there is none.
  virtual void cancel(UserData user_data) = 0;
  virtual void cancel_all(int fd) = 0;

  // Sends a FIN after what was sent. Takes effect at once.
  virtual void shutdown_write(int fd) = 0;

  // Requires: no operation of fd is in the kernel (each got its last completion). The peer hears
  // of it by the end of the next wait() at the latest.
  virtual void close(int fd) = 0;

  // Submits what was prepared and returns what has completed. Blocks until there is something or
  // until deadline (a now() time; kNever: no limit; in the past: does not block). May return
  // nothing. A send alone is not "something": one that the kernel took whole at once is reported by
  // the very wait() that submitted it, but does not end its blocking, since a wake-up for each
  // flush would double the system calls of a proxy that waits for replies anyway. Who cannot go on
  // without that completion (more to send on the socket, a close after it) passes a deadline in the
  // past. Valid until: the next wait().
  [[nodiscard]] virtual std::span<const Completion> wait(Nanos deadline) = 0;

  // Monotonic time at the end of the last wait().
  [[nodiscard]] virtual Nanos now() const = 0;

  // Gives a receive buffer back. After it Completion::data is gone.
  virtual void release_buffer(u16 buffer) = 0;

  // For those who watch; a ring of a test has none.
  [[nodiscard]] virtual RingNumbers numbers() const { return {}; }

  // Wakes the owner out of wait() with an Op::wake completion. Any thread; never blocks.
  virtual void ring_doorbell() = 0;
};

// What the kernel offers, as probed (not guessed from its version), for -V and the log.
struct UringFeatures {
  bool available = false;
  std::string reason;  // when not available: why, and what to do
  bool defer_taskrun = false;
  bool multishot_recv = false;
  bool incremental_buffers = false;
  bool send_skip_success = false;  // the rule of WAITALL | DONTWAIT | CQE_SKIP_SUCCESS holds
  bool send_vectorized = false;
  bool no_iowait = false;
  bool registered_ring = false;
};

[[nodiscard]] UringFeatures probe_uring();

// One line: "defer_taskrun, multishot recv, incremental buffers, ...".
[[nodiscard]] std::string to_string(const UringFeatures& features);

// Opens a ring for the calling thread, which becomes its only user and destroys it. Features with
// bits cleared are honoured: the ring then works as on a kernel without them.
[[nodiscard]] Expected<std::unique_ptr<Ring>> open_uring(const RingOptions& options,
                                                         const UringFeatures& features);

// The same of epoll, which every kernel has.
struct EpollFeatures {
  bool nanosecond_waits = false;  // epoll_pwait2, Linux 5.11; else deadlines are met to 1 ms
};

[[nodiscard]] EpollFeatures probe_epoll();

// "nanosecond waits" or "millisecond waits".
[[nodiscard]] std::string to_string(const EpollFeatures& features);

// Opens a ring that lives by epoll. Of options, the submission queue and the classic buffers mean
// nothing to it. Its kernel work is done by the calling thread, within wait() or before.
[[nodiscard]] Expected<std::unique_ptr<Ring>> open_epoll(const RingOptions& options,
                                                         const EpollFeatures& features);

}  // namespace ringfold
