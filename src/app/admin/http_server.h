// HttpServer: the sockets of the admin endpoint. One thread waits for all connections at once, so
// that a slow peer costs a place and nothing else; a few others make the answers, which may take a
// while (a reload). One request a connection. All of them run at a lower priority than the workers
// and take no signals.
//
//   a connection:  reading -> answering -> writing -> lingering -> closed
//
// Bounds: kConnectionsMax connections, of which the one nearest to its deadline makes way for a new
// one; kHeadMax bytes of a request; kReadLimit and kWriteLimit for the whole of it, not for a byte.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "app/admin/http_message.h"
#include "app/owned_fd.h"
#include "ringfold/base/ints.h"

namespace ringfold {

class HttpServer {
 public:
  static constexpr std::size_t kConnectionsMax = 64;
  static constexpr std::size_t kHeadMax = 16 * 1024;
  static constexpr Nanos kReadLimit = 5 * kSecond;
  static constexpr Nanos kWriteLimit = 5 * kSecond;

  // listener: a listening socket, owned from now on. handler is called from several threads at
  // once. Starts the threads; throws std::system_error where the kernel refuses one.
  HttpServer(int listener, HttpHandler handler);

  // Accepts nobody any more, gives answers that are being written a moment, and ends the threads.
  // Requires: whatever handler may wait for has come to an end.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int listener() const { return listener_.get(); }

  // From now on nobody is accepted: somebody else has the listening socket as well. Any thread.
  void stop_accepting() {
    is_accepting_.store(false, std::memory_order_relaxed);
    wake_loop();
  }

 private:
  enum class State : u8 { reading, answering, writing, lingering };
  struct Connection {
    Connection(int descriptor, HttpPeer who, Nanos until)
        : fd(descriptor), peer(std::move(who)), deadline(until) {}

    OwnedFd fd;
    HttpPeer peer;
    State state = State::reading;
    std::string bytes;  // of the request, then of the response
    std::size_t sent = 0;
    Nanos deadline;
  };
  using Connections = std::map<u64, Connection>;
  struct Job {
    u64 id = 0;
    HttpPeer peer;
    std::string bytes;  // the request's; of one that is done: the response's
  };

  void run_loop();
  bool is_over() const;
  void wait();
  void accept_all();
  bool make_room();
  // Each is false when the connection is at its end.
  bool move_on(u64 id, Connection& connection);
  bool read_head(u64 id, Connection& connection);
  bool write_some(Connection& connection);
  bool linger(Connection& connection);
  void start_writing(Connection& connection, std::string bytes);
  void take_answers();
  void close_the_late();

  void run_answers();
  void wake_loop();

  HttpHandler handler_;
  OwnedFd listener_;
  OwnedFd wake_;
  Connections connections_;  // of the loop's thread
  u64 next_id_ = 1;
  std::atomic<bool> is_accepting_{true};
  Nanos accept_again_at_ = 0;  // no descriptors were left: look again then
  Nanos ends_at_ = kNever;     // set when stopping

  std::mutex mutex_;  // for what follows
  std::condition_variable has_job_;
  std::deque<Job> jobs_;
  std::deque<Job> done_;
  bool is_stopping_ = false;

  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace ringfold
