// EpollSends: what is left of sends that found their sockets full, kept until there is room. A
// socket has one send at most, and a send at most kFlushIovecsMax vectors, so this is bounded by
// the number of sockets.
#pragma once

#include <sys/uio.h>

#include <span>
#include <vector>

#include "ringfold/base/ints.h"

namespace ringfold {

// One attempt without blocking and without a signal: the number of bytes the kernel took (maybe
// fewer than all), or -errno; -EAGAIN: the socket is full.
[[nodiscard]] i32 try_send(int fd, std::span<const iovec> vectors);

class EpollSends {
 public:
  // Keeps vectors but for their first done bytes. Returns the send's index here. Requires: done is
  // less than their total.
  [[nodiscard]] u32 park(std::span<const iovec> vectors, std::size_t done);

  // Tries the rest once. True: the send is over, out is its result, and the index is free again.
  [[nodiscard]] bool resume(u32 index, int fd, i32& out);

  // Gives the send up. Its result: the bytes that went out, or error when none did.
  [[nodiscard]] i32 abandon(u32 index, i32 error);

 private:
  struct Parked {
    std::vector<iovec> vectors;  // its memory is kept for the next
    std::size_t first = 0;       // those before have been sent
    i32 done = 0;                // bytes
  };

  static void skip(Parked& parked, std::size_t size);
  i32 finish(u32 index, i32 result);

  std::vector<Parked> parked_;
  std::vector<u32> free_;
};

}  // namespace ringfold
