// Take-over: a new process gets the listening sockets of the one that runs, over a unix socket that
// both know (takeover_socket), so that no client finds nobody listening while one goes and the
// other comes.
//
//   new --connects--> present    who owns the other end is asked of the kernel (SO_PEERCRED)
//   new <--sockets--- present    in messages of up to kSocketsPerMessage; the last one has none,
//   and
//                                names the kind of ring: sockets that one kind has set to its
//                                needs (O_NONBLOCK) do not serve the other
//   new --"ready"---> present    it listens on all it wants: the present one drains
//   new <--"yours"--- present    the path is free for the next take-over
//
// A new process that ends before it is ready changes nothing: the present one goes on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/owned_fd.h"
#include "ringfold/base/error.h"
#include "ringfold/io/ring.h"

namespace ringfold {

// The process that runs, as its successor sees it.
class Predecessor {
 public:
  // Asks for the sockets of the process that listens at the path; nullptr: nobody does. io: the
  // kind of ring, as the log names it; the error may be that the process has another one.
  [[nodiscard]] static Expected<std::unique_ptr<Predecessor>> find(const std::string& path,
                                                                   const std::string& io);

  // All that it listens on; several may be on one address. The caller's to close.
  std::vector<SharedListener> take_sockets() { return std::move(sockets_); }

  // Tells it to drain, and waits until the path is free. The error: it did not answer in time.
  [[nodiscard]] Expected<void> dismiss();

 private:
  explicit Predecessor(int fd) : connection_(fd) {}
  Expected<void> receive_sockets(const std::string& io);

  OwnedFd connection_;
  std::vector<SharedListener> sockets_;
};

// The place where a successor asks. Owner: the supervisor's thread; nothing here waits.
class TakeoverPoint {
 public:
  // Requires: nobody listens at the path.
  [[nodiscard]] static Expected<std::unique_ptr<TakeoverPoint>> open(const std::string& path);
  ~TakeoverPoint();
  TakeoverPoint(const TakeoverPoint&) = delete;
  TakeoverPoint& operator=(const TakeoverPoint&) = delete;

  // For poll(): readable when the matching function below has something to do. The second one is
  // negative while nobody asks.
  int listener() const { return listener_.get(); }
  int successor() const { return successor_ ? successor_->get() : -1; }

  // Somebody has come: gets the sockets, all of them or, as the error says, none.
  [[nodiscard]] Expected<void> greet(const std::vector<int>& sockets, const std::string& io);

  // What the successor says. True: it is ready, and now owns the path; false: it has gone.
  [[nodiscard]] bool hear();

 private:
  TakeoverPoint(std::string path, int fd) : path_(std::move(path)), listener_(fd) {}
  void give_up_path();

  std::string path_;  // empty: it is somebody else's now
  OwnedFd listener_;
  std::unique_ptr<OwnedFd> successor_;
};

}  // namespace ringfold
