#include "io/uring_watches.h"

#include <poll.h>

#include "ringfold/base/assert.h"

namespace ringfold {
namespace {

// generation (24 bits) | descriptor (32)
u64 name_of(int fd, u32 generation) {
  return u64{generation} << 32 | static_cast<u32>(fd);
}

}  // namespace

bool UringWatches::begin(int fd, UserData receive, u64& watch) {
  RINGFOLD_ASSERT(fd >= 0);
  const auto index = static_cast<std::size_t>(fd);
  if (index >= watches_.size()) watches_.resize(index + 1);
  Watch& it = watches_[index];
  it.receive = receive;
  if (it.armed) return false;
  it.armed = true;
  watch = name_of(fd, it.generation);
  return true;
}

bool UringWatches::end(int fd, u64& watch) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= watches_.size()) return false;
  Watch& it = watches_[index];
  watch = name_of(fd, it.generation);
  it.generation = (it.generation + 1) & 0xffffff;
  const bool was_armed = it.armed;
  it.armed = false;
  return was_armed;
}

bool UringWatches::on_completion(u64 watch, i32 result, UserData& receive) {
  const auto index = static_cast<std::size_t>(static_cast<u32>(watch));
  RINGFOLD_ASSERT(index < watches_.size());
  Watch& it = watches_[index];
  // Otherwise it is of a descriptor that was closed since then.
  if (it.generation != static_cast<u32>(watch >> 32)) return false;
  it.armed = false;
  receive = it.receive;
  // The other end may also have closed its side only. No receive misses that: TCP tells it to look
  // again.
  return result > 0 && (result & (POLLERR | POLLHUP)) != 0;
}

}  // namespace ringfold
