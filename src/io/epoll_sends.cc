#include "io/epoll_sends.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "ringfold/base/assert.h"

namespace ringfold {

i32 try_send(int fd, std::span<const iovec> vectors) {
  constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
  ssize_t size = 0;
  if (vectors.size() == 1) {
    size = ::send(fd, vectors[0].iov_base, vectors[0].iov_len, kFlags);
  } else {
    msghdr header{};
    header.msg_iov = const_cast<iovec*>(vectors.data());
    header.msg_iovlen = vectors.size();
    size = ::sendmsg(fd, &header, kFlags);
  }
  if (size >= 0) return static_cast<i32>(size);
  return errno == EINTR ? -EAGAIN : -errno;
}

u32 EpollSends::park(std::span<const iovec> vectors, std::size_t done) {
  if (free_.empty()) {
    free_.push_back(static_cast<u32>(parked_.size()));
    parked_.emplace_back();
  }
  const u32 index = free_.back();
  free_.pop_back();
  Parked& parked = parked_[index];
  parked.vectors.assign(vectors.begin(), vectors.end());
  parked.first = 0;
  parked.done = 0;
  skip(parked, done);
  RINGFOLD_ASSERT(parked.first < parked.vectors.size());
  return index;
}

void EpollSends::skip(Parked& parked, std::size_t size) {
  parked.done += static_cast<i32>(size);
  while (size > 0) {
    RINGFOLD_ASSERT(parked.first < parked.vectors.size());
    iovec& vector = parked.vectors[parked.first];
    const std::size_t part = std::min(size, vector.iov_len);
    vector.iov_base = static_cast<char*>(vector.iov_base) + part;
    vector.iov_len -= part;
    size -= part;
    if (vector.iov_len == 0) ++parked.first;
  }
}

bool EpollSends::resume(u32 index, int fd, i32& out) {
  Parked& parked = parked_[index];
  const i32 sent = try_send(fd, std::span<const iovec>(parked.vectors).subspan(parked.first));
  if (sent == -EAGAIN) return false;
  if (sent < 0) {
    out = abandon(index, sent);
    return true;
  }
  skip(parked, static_cast<std::size_t>(sent));
  if (parked.first < parked.vectors.size()) return false;
  out = finish(index, parked.done);
  return true;
}

i32 EpollSends::abandon(u32 index, i32 error) {
  const i32 done = parked_[index].done;
  return finish(index, done > 0 ? done : error);
}

i32 EpollSends::finish(u32 index, i32 result) {
  parked_[index].vectors.clear();
  free_.push_back(index);
  return result;
}

}  // namespace ringfold
