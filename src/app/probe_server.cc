#include "app/probe_server.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <string_view>

#include "app/endpoint.h"
#include "app/owned_fd.h"
#include "app/poll_time.h"
#include "io/socket.h"
#include "ringfold/proto/resp.h"

namespace ringfold {
namespace {

using Verdict = std::optional<std::string>;

// No answer to what is asked here is longer; of what is, the start tells enough.
constexpr std::size_t kLineMax = 512;

// A connection on which one line is asked for after the other, until the deadline.
class Conversation {
 public:
  Conversation(const Address& address, Nanos limit)
      : address_(address),
        limit_(limit),
        deadline_(monotonic_now() + limit),
        socket_(open_socket(address, false)) {}

  Expected<void> connect();
  // The first line of the answer to request, without its end. what: the request's name, for errors.
  Expected<std::string> ask(std::string_view request, std::string_view what);

 private:
  bool wait_for(short events) const;
  // Adds to text what has come. False: nothing will come any more.
  Expected<bool> receive(std::string& text, std::string_view what) const;

  Unexpected too_late(std::string_view what) const {
    return fail(fmt::format("{} within {} ms (connect_timeout_ms)", what, limit_ / kMillisecond));
  }

  const Address& address_;
  const Nanos limit_;
  const Nanos deadline_;
  const OwnedFd socket_;
};

bool Conversation::wait_for(short events) const {
  pollfd polled{socket_.get(), events, 0};
  int ready = 0;
  do {
    ready = ::poll(&polled, 1, poll_timeout(deadline_, monotonic_now()));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

Expected<void> Conversation::connect() {
  if (socket_.get() < 0) {
    return fail(describe_descriptor_failure("a socket", -socket_.get()));
  }
  set_nonblocking(socket_.get());
  int error = 0;
  if (::connect(socket_.get(), address_.get(), address_.length) != 0) error = errno;
  if (error == EINPROGRESS) {
    if (!wait_for(POLLOUT)) return too_late("no connection");
    socklen_t size = sizeof error;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  }
  if (error != 0) return fail(fmt::format("cannot connect: {}", std::strerror(error)));
  return {};
}

Expected<bool> Conversation::receive(std::string& text, std::string_view what) const {
  char buffer[kLineMax];
  const ssize_t size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (size < 0) {
    return fail(fmt::format("the connection broke after {}: {}", what, std::strerror(errno)));
  }
  text.append(buffer, static_cast<std::size_t>(size));
  return size > 0;
}

Expected<std::string> Conversation::ask(std::string_view request, std::string_view what) {
  // A new connection's buffers have room for far more, so a short send means a broken one, which
  // the receive tells.
  [[maybe_unused]] const ssize_t sent =
      ::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string text;
  bool is_open = true;
  while (is_open && text.find('\n') == std::string::npos && text.size() < kLineMax) {
    if (!wait_for(POLLIN)) return too_late(fmt::format("connected, but no answer to {}", what));
    const auto received = receive(text, what);
    if (!received) return tl::unexpected(received.error());
    is_open = *received;
  }
  if (text.empty()) return fail(fmt::format("it closed the connection after {}", what));
  return text.substr(0, text.find_first_of("\r\n"));
}

std::string redis_command(std::initializer_list<std::string_view> words) {
  std::string bytes;
  resp::encode_number_line(bytes, '*', static_cast<i64>(words.size()));
  for (const std::string_view word : words) resp::encode_bulk(bytes, word);
  return bytes;
}

// A server that repeats what it was sent must not make us show the password.
std::string quoted(const PoolConfig& pool, const std::string& answer) {
  const bool is_secret = !pool.password.empty() && answer.find(pool.password) != std::string::npos;
  return is_secret ? "an answer that holds the password" : shown(answer);
}

Verdict judge_redis(const PoolConfig& pool, const std::string& answer, std::string_view wanted,
                    std::string_view refusal) {
  if (answer == wanted) return std::nullopt;
  if (answer.starts_with("-NOAUTH")) return "it wants a password, and the pool has none (password)";
  if (answer.starts_with('-')) return fmt::format("{}: {}", refusal, quoted(pool, answer));
  return fmt::format("it does not speak Redis' protocol, but says {}{}", quoted(pool, answer),
                     answer == "ERROR" ? "; a memcached? (protocol)" : "");
}

Verdict probe_redis(const PoolConfig& pool, Conversation& server) {
  if (!pool.password.empty()) {
    const auto answer = server.ask(redis_command({"AUTH", pool.password}), "AUTH");
    if (!answer) return answer.error().text;
    if (auto verdict = judge_redis(pool, *answer, "+OK", "it refuses the password")) return verdict;
  }
  if (pool.database != 0) {
    const std::string number = std::to_string(pool.database);
    const auto answer = server.ask(redis_command({"SELECT", number}), "SELECT");
    if (!answer) return answer.error().text;
    const std::string refusal = fmt::format("it refuses database {}", number);
    if (auto verdict = judge_redis(pool, *answer, "+OK", refusal)) return verdict;
  }
  const auto answer = server.ask(redis_command({"PING"}), "PING");
  if (!answer) return answer.error().text;
  return judge_redis(pool, *answer, "+PONG", "it refuses PING");
}

Verdict probe_memcached(const PoolConfig& pool, Conversation& server) {
  const auto answer = server.ask("version\r\n", "version");
  if (!answer) return answer.error().text;
  if (answer->starts_with("VERSION ")) return std::nullopt;
  return fmt::format("it does not speak memcached's text protocol, but says {}{}",
                     quoted(pool, *answer),
                     answer->starts_with('-') ? "; a Redis? (protocol)" : "");
}

}  // namespace

Verdict probe_server(const PoolConfig& pool, const Address& address, Nanos connect_timeout) {
  Conversation server(address, connect_timeout);
  if (auto connected = server.connect(); !connected) return connected.error().text;
  return pool.protocol == Protocol::redis ? probe_redis(pool, server)
                                          : probe_memcached(pool, server);
}

}  // namespace ringfold
