#include "app/admin/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "app/all_signals_blocked.h"
#include "app/poll_time.h"
#include "ringfold/io/address.h"

namespace ringfold {
namespace {

// A reload holds one of them, a look at a worker that is stuck another.
constexpr std::size_t kAnswerThreads = 3;
// Where descriptors have run out, somebody may have closed one after this.
constexpr Nanos kAcceptRetry = 100 * kMillisecond;
// After the response: the peer reads it and closes, or sends the rest of what nobody wants.
constexpr Nanos kLingerLimit = 1 * kSecond;
// At the end of the process, for responses that are on their way.
constexpr Nanos kFarewell = 500 * kMillisecond;

// Numbers for an operator shall not delay a client's request where the cores are busy.
void enter_thread(const char* name) {
  constexpr int kNice = 10;
  ::prctl(PR_SET_NAME, name);
  // On Linux this is the thread's own priority; without it the server works as well.
  (void)::setpriority(PRIO_PROCESS, 0, kNice);
}

bool is_loopback(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_UNIX) return true;
  const auto* const any = &storage;
  if (storage.ss_family == AF_INET) {
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(any);
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
  }
  if (storage.ss_family != AF_INET6) return false;
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(any)->sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace

HttpServer::HttpServer(int listener, HttpHandler handler)
    : handler_(std::move(handler)),
      listener_(listener),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  // The library makes its tables at its first request. That is before there are threads, because
  // ThreadSanitizer does not see into it, and would take what guards them there for nothing.
  (void)answer_http("GET / HTTP/1.1\r\n\r\n", {}, [](const auto&) { return HttpResponse{}; });
  const AllSignalsBlocked blocked;
  threads_.reserve(1 + kAnswerThreads);
  threads_.emplace_back([this] { run_loop(); });
  for (std::size_t i = 0; i < kAnswerThreads; ++i) {
    threads_.emplace_back([this] { run_answers(); });
  }
}

HttpServer::~HttpServer() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  has_job_.notify_all();
  wake_loop();
  for (std::thread& thread : threads_) thread.join();
}

void HttpServer::wake_loop() {
  const u64 one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void HttpServer::run_answers() {
  enter_thread("ringfold-answer");
  std::unique_lock lock(mutex_);
  while (true) {
    has_job_.wait(lock, [this] { return is_stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job.bytes = answer_http(job.bytes, job.peer, handler_);
    lock.lock();
    done_.push_back(std::move(job));
    wake_loop();
  }
}

void HttpServer::run_loop() {
  enter_thread("ringfold-admin");
  while (!is_over()) {
    wait();
    take_answers();
    close_the_late();
    const std::lock_guard lock(mutex_);
    if (is_stopping_ && ends_at_ == kNever) ends_at_ = monotonic_now() + kFarewell;
  }
}

bool HttpServer::is_over() const {
  if (ends_at_ == kNever) return false;
  // Who has not asked anything yet, or has all of the response, is not waited for.
  const bool is_answering = std::ranges::any_of(connections_, [](const auto& row) {
    return row.second.state == State::answering || row.second.state == State::writing;
  });
  return !is_answering || monotonic_now() >= ends_at_;
}

void HttpServer::wait() {
  const Nanos now = monotonic_now();
  const bool is_open = ends_at_ == kNever && is_accepting_.load(std::memory_order_relaxed);
  const bool may_accept = is_open && accept_again_at_ <= now;
  std::vector<pollfd> polled = {{wake_.get(), POLLIN, 0},
                                {may_accept ? listener_.get() : -1, POLLIN, 0}};
  std::vector<u64> ids;
  Nanos due = std::min(ends_at_, is_open && !may_accept ? accept_again_at_ : kNever);
  for (const auto& [id, connection] : connections_) {
    due = std::min(due, connection.deadline);
    if (connection.state == State::answering) continue;
    const short events = connection.state == State::writing ? POLLOUT : POLLIN;
    polled.push_back({connection.fd.get(), events, 0});
    ids.push_back(id);
  }
  if (::poll(polled.data(), polled.size(), poll_timeout(due, now)) <= 0) return;
  u64 count = 0;
  [[maybe_unused]] const ssize_t size = ::read(wake_.get(), &count, sizeof count);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (polled[i + 2].revents == 0) continue;
    const auto found = connections_.find(ids[i]);
    if (!move_on(found->first, found->second)) connections_.erase(found);
  }
  if (polled[1].revents != 0) accept_all();
}

void HttpServer::accept_all() {
  // Those who are connected shall get their turn in between.
  constexpr int kAcceptsAtOnce = 16;
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    if (connections_.size() >= kConnectionsMax && !make_room()) {
      accept_again_at_ = monotonic_now() + kAcceptRetry;
      return;
    }
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    const int fd = ::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&storage), &length,
                             SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
        accept_again_at_ = monotonic_now() + kAcceptRetry;
      }
      return;
    }
    Address address{storage, length};
    HttpPeer peer{address.is_unix() ? std::string(kUnixPeer) : to_string(address),
                  is_loopback(storage)};
    connections_.try_emplace(next_id_++, fd, std::move(peer), monotonic_now() + kReadLimit);
  }
}

// Somebody who keeps all places and asks nothing must not keep out those who do.
bool HttpServer::make_room() {
  const auto slowest = std::ranges::min_element(
      connections_, {}, [](const auto& row) { return row.second.deadline; });
  if (slowest->second.state == State::answering) return false;
  connections_.erase(slowest);
  return true;
}

bool HttpServer::move_on(u64 id, Connection& connection) {
  switch (connection.state) {
    case State::reading:
      return read_head(id, connection);
    case State::writing:
      return write_some(connection);
    case State::lingering:
      return linger(connection);
    case State::answering:
      break;
  }
  return true;
}

bool HttpServer::read_head(u64 id, Connection& connection) {
  char chunk[4096];
  const ssize_t size = ::recv(connection.fd.get(), chunk, sizeof chunk, 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) return false;
  std::string& bytes = connection.bytes;
  bytes.append(chunk, static_cast<std::size_t>(size));
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end != std::string::npos && end + 4 <= kHeadMax) {
    bytes.resize(end + 4);
    connection.state = State::answering;
    connection.deadline = kNever;
    const std::lock_guard lock(mutex_);
    jobs_.push_back({id, connection.peer, std::move(bytes)});
    has_job_.notify_one();
    return true;
  }
  // A method is a word in capitals; anything else, such as the begin of TLS, need not go on.
  if (bytes[0] < 'A' || bytes[0] > 'Z') {
    start_writing(connection, plain_http_error(400, "Bad Request", "this is plain HTTP only\n"));
  } else if (bytes.size() > kHeadMax) {
    start_writing(connection, plain_http_error(431, "Request Header Fields Too Large",
                                               "the request is longer than 16 KiB\n"));
  }
  return true;
}

void HttpServer::start_writing(Connection& connection, std::string bytes) {
  connection.state = State::writing;
  connection.bytes = std::move(bytes);
  connection.deadline = monotonic_now() + kWriteLimit;
}

bool HttpServer::write_some(Connection& connection) {
  const std::string_view rest = std::string_view(connection.bytes).substr(connection.sent);
  const ssize_t size = ::send(connection.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  connection.sent += static_cast<std::size_t>(size);
  if (connection.sent < connection.bytes.size()) return true;
  // Closing with bytes unread would reset the connection, and the peer might lose the response.
  ::shutdown(connection.fd.get(), SHUT_WR);
  connection.state = State::lingering;
  connection.deadline = monotonic_now() + kLingerLimit;
  return true;
}

bool HttpServer::linger(Connection& connection) {
  char chunk[4096];
  const ssize_t size = ::recv(connection.fd.get(), chunk, sizeof chunk, 0);
  return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}

void HttpServer::take_answers() {
  std::deque<Job> done;
  {
    const std::lock_guard lock(mutex_);
    done.swap(done_);
  }
  for (Job& job : done) {
    const auto found = connections_.find(job.id);
    start_writing(found->second, std::move(job.bytes));
    if (!write_some(found->second)) connections_.erase(found);
  }
}

void HttpServer::close_the_late() {
  const Nanos now = monotonic_now();
  std::erase_if(connections_, [now](const auto& row) { return row.second.deadline <= now; });
}

}  // namespace ringfold
