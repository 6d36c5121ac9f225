#include "visitor.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "ringfold/base/assert.h"
#include "value.h"

namespace ringfold::torture {

namespace {

constexpr std::size_t kReceiveMax = 256_KiB;
constexpr std::size_t kSendMax = 256_KiB;
constexpr std::size_t kTailKept = 2_KiB;   // of what is done with, for reports
constexpr std::size_t kTailMax = 128_KiB;  // before it is shortened
constexpr std::size_t kTinyBurst = 3_KiB;  // at most, when it goes out in tiny pieces

// Shortens what is done with at the front of a buffer.
void shorten(std::string& buffer, std::size_t& done) {
  if (done < kTailMax) return;
  buffer.erase(0, done - kTailKept);
  done = kTailKept;
  if (buffer.capacity() > 1_MiB && buffer.size() < kTailMax) buffer.shrink_to_fit();
}

}  // namespace

Visitor::~Visitor() {
  if (fd_ >= 0) ::close(fd_);
}

void Visitor::connect() {
  Scene& scene = around_.scene;
  fd_ = ::socket(around_.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  RINGFOLD_ASSERT(fd_ >= 0);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int result =
      ::connect(fd_, reinterpret_cast<const sockaddr*>(&around_.address), around_.address_size);
  if (result < 0 && errno != EINPROGRESS) {
    violation(fmt::format("the proxy cannot be connected to: {}", std::strerror(errno)), nullptr,
              "");
    return;
  }
  ++scene.report.connections;
  state_ = State::connecting;
  out_.clear();
  in_.clear();
  out_sent_ = in_taken_ = in_needed_ = 0;
  stream_sent_ = 0;
  memory_ = {};
  stop_after_ = SIZE_MAX;
  read_again_at_ = 0;
  moved_at_ = scene.now;
  bursts_left_ = 1 + static_cast<u32>(scene.prng.below(40));
  const u64 die = scene.prng.below(20);
  leave_ = die < 9    ? Leave::clean
           : die < 12 ? Leave::half_close
           : die < 16 ? Leave::mid_request
                      : Leave::mid_reply;
  if (scene.calm || around_.polite) leave_ = Leave::clean;
  events_ = EPOLLIN | EPOLLOUT;
  epoll_event event = {events_, {.u64 = index_}};
  ::epoll_ctl(around_.epoll, EPOLL_CTL_ADD, fd_, &event);
}

void Visitor::watch() {
  if (fd_ < 0) return;
  u32 wanted = 0;
  if (read_again_at_ == 0) wanted |= EPOLLIN;
  if (unsent() > 0 || state_ == State::connecting) wanted |= EPOLLOUT;
  if (wanted == events_) return;
  events_ = wanted;
  epoll_event event = {events_, {.u64 = index_}};
  ::epoll_ctl(around_.epoll, EPOLL_CTL_MOD, fd_, &event);
}

void Visitor::on_time() {
  Scene& scene = around_.scene;
  if (fd_ < 0) {
    if (!around_.closing && scene.now >= connect_at_) connect();
    return;
  }
  if (read_again_at_ != 0) {
    if (scene.now < read_again_at_ && !around_.closing) return;
    read_again_at_ = 0;
    moved_at_ = scene.now;
  }
  const bool due = !line_.empty() || unsent() > 0 || state_ != State::open;
  if (due && scene.now - moved_at_ > around_.deadline) {
    violation(fmt::format("nothing has moved for {} ms", (scene.now - moved_at_) / kMillisecond),
              line_.empty() ? nullptr : &line_.front(), received());
    return;
  }
  if (state_ == State::open && line_.empty() && unsent() == 0) next_step();
  watch();
}

// Everything is answered.
void Visitor::next_step() {
  memory_.own_floors.clear();
  if (around_.closing) bursts_left_ = 0;
  if (bursts_left_ == 0 && (leave_ == Leave::clean || around_.closing)) {
    leave_now("clean", false);
    return;
  }
  if (around_.allowance < 1) return;
  compose_burst();
  if (bursts_left_ > 0) {
    --bursts_left_;
  } else if (leave_ == Leave::mid_request) {
    const std::size_t last = line_.size() > 1 ? line_[line_.size() - 2].end_offset : 0;
    const std::size_t in_last = stream_sent_ + unsent() - last;
    stop_after_ = 1 + around_.scene.prng.below(std::max<std::size_t>(in_last, 2) - 1);
  }
  send_some();
}

void Visitor::compose_burst() {
  Scene& scene = around_.scene;
  Prng& prng = scene.prng;
  shorten(out_, out_sent_);
  u64 depth = 1 + prng.below(prng.chance(1, 8) ? around_.depth_max : 16);
  const u64 die = prng.below(10);
  piece_max_ = die < 6 ? 0 : die < 9 ? 1 + prng.below(2000) : 1 + prng.below(24);
  const bool tiny = piece_max_ != 0 && piece_max_ <= 24;
  while (depth-- > 0 && around_.allowance >= 1) {
    around_.allowance -= 1;
    const u64 begin = stream_sent_ + unsent();
    line_.push_back(around_.dialect.compose(out_, memory_));
    line_.back().begin_offset = begin;
    line_.back().begun_at = scene.now;
    ++scene.report.commands[static_cast<std::size_t>(line_.back().kind)];
    line_.back().end_offset = stream_sent_ + unsent();
    if (unsent() > (tiny ? kTinyBurst : 4_MiB)) break;
  }
  if (unsent() > kTailMax) piece_max_ = 0;  // or it would take minutes
  moved_at_ = scene.now;
  if (prng.chance(1, 300) && !scene.calm) {
    Report::count(scene.report.disconnects, "driver stops reading for a while");
    read_again_at_ = scene.now + static_cast<Nanos>(prng.below(2000)) * kMillisecond;
  }
}

void Visitor::send_some() {
  Scene& scene = around_.scene;
  // A piece a turn where the stream is to be cut, so that each travels by itself.
  while (unsent() > 0) {
    std::size_t size = std::min(unsent(), kSendMax);
    if (piece_max_ != 0) size = std::min(size, 1 + scene.prng.below(piece_max_));
    if (unsent() <= stop_after_ && stop_after_ != SIZE_MAX) {
      leave_now("driver, mid-request", scene.prng.chance(1, 2));
      return;
    }
    if (stop_after_ != SIZE_MAX) size = std::min(size, unsent() - stop_after_);
    const ssize_t sent = ::send(fd_, out_.data() + out_sent_, size, MSG_NOSIGNAL);
    if (sent < 0) {
      // What broke the connection is found out, and judged, where it is read.
      if (errno != EAGAIN && errno != EINTR) out_.resize(out_sent_);
      break;
    }
    out_sent_ += static_cast<std::size_t>(sent);
    stream_sent_ += static_cast<u64>(sent);
    scene.report.bytes_out += static_cast<u64>(sent);
    moved_at_ = scene.now;
    if (piece_max_ != 0 || static_cast<std::size_t>(sent) < size) break;
  }
  if (unsent() == 0 && bursts_left_ == 0 && leave_ == Leave::half_close && state_ == State::open &&
      !line_.empty()) {
    state_ = State::half_closed;
    ::shutdown(fd_, SHUT_WR);
  }
  watch();
}

void Visitor::on_events(u32 events) {
  if (fd_ < 0) return;
  if (state_ == State::connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      violation(fmt::format("the proxy cannot be connected to: {}", std::strerror(error)), nullptr,
                "");
      return;
    }
    state_ = State::open;
    moved_at_ = around_.scene.now;
    watch();
    return;
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive();
  if (fd_ >= 0 && (events & EPOLLOUT) != 0) send_some();
}

void Visitor::receive() {
  Scene& scene = around_.scene;
  shorten(in_, in_taken_);
  // By way of a buffer that all share: growing a string for what may come costs a clearing of it.
  static std::array<char, kReceiveMax> came;
  const ssize_t count = ::recv(fd_, came.data(), came.size(), 0);
  const int error = errno;
  if (count > 0) in_.append(came.data(), static_cast<std::size_t>(count));
  if (count < 0 && (error == EAGAIN || error == EINTR)) return;
  if (count <= 0) {
    on_end_of_stream();
    return;
  }
  scene.report.bytes_in += static_cast<u64>(count);
  moved_at_ = scene.now;
  if (leave_ == Leave::mid_reply && bursts_left_ == 0 && unsent() == 0 && !line_.empty() &&
      !around_.closing) {
    leave_now("driver, mid-reply", scene.prng.chance(1, 2));
    return;
  }
  take_replies();
}

void Visitor::take_replies() {
  while (in_.size() > in_taken_) {
    if (line_.empty()) {
      violation("bytes that nobody asked for", nullptr, received());
      return;
    }
    if (received().size() < in_needed_) return;
    Command& command = line_.front();
    const Frame frame = around_.dialect.frame(command, received());
    if (frame.state == Frame::State::malformed) {
      violation("bytes that are no reply", &command, received());
      return;
    }
    if (frame.state == Frame::State::incomplete) {
      in_needed_ = frame.size;
      return;
    }
    // In a group, what comes first may be answered before the rest has been sent.
    if (command.end_offset > stream_sent_) {
      violation("a reply to a request that was not sent whole", &command, received());
      return;
    }
    const std::string_view reply = received().substr(0, frame.size);
    const std::string problem = around_.dialect.judge(command, reply, memory_);
    if (!problem.empty()) {
      violation(problem, &command, reply);
      return;
    }
    in_needed_ = 0;
    in_taken_ += frame.size;
    line_.pop_front();
  }
}

void Visitor::on_end_of_stream() {
  if (state_ == State::half_closed && line_.empty() && received().empty()) {
    leave_now("driver, half", false);
    return;
  }
  // A reply that is passed on as it comes may break off when its server does; then the proxy has no
  // other way to say so. Nothing else may end a connection.
  if (!line_.empty() && line_.front().may_break && !around_.scene.calm) {
    leave_now("proxy, reply broke off", false);
    return;
  }
  violation("the proxy closed the connection", line_.empty() ? nullptr : &line_.front(),
            received());
}

void Visitor::leave_now(std::string_view how, bool reset) {
  Report::count(around_.scene.report.disconnects, reset ? fmt::format("{}, reset", how) : how);
  if (reset) {
    const linger now = {1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  for (const Command& command : line_) {
    around_.dialect.abandon(command, stream_sent_);
  }
  close_socket();
}

void Visitor::close_socket() {
  ::close(fd_);
  fd_ = -1;
  line_.clear();
  out_ = {};
  in_ = {};
  out_sent_ = in_taken_ = 0;
  connect_at_ = around_.scene.now + static_cast<Nanos>(around_.scene.prng.below(30)) * kMillisecond;
}

void Visitor::violation(std::string_view problem, const Command* command, std::string_view reply) {
  std::string& text = around_.scene.report.violation;
  if (!text.empty()) return;  // the first one explains the others
  text = fmt::format("connection {}{}: {}\n", index_, around_.scene.calm ? ", all faults over" : "",
                     problem);
  if (command != nullptr) {
    text += fmt::format("command: {} (mark {}), {} more behind it\n", name_of(command->kind),
                        command->mark, line_.size() - 1);
    for (std::size_t at = 0; at < std::min<std::size_t>(command->uses.size(), 12); ++at) {
      text += fmt::format("  {}\n", around_.scene.model.describe(command->uses[at]));
    }
  }
  const std::string_view sent = std::string_view(out_).substr(0, out_sent_);
  const std::string_view taken = std::string_view(in_).substr(0, in_taken_);
  text += fmt::format("reply: {}\n", printable(reply, 1200));
  text +=
      fmt::format("taken before: {}\n",
                  printable(taken.substr(taken.size() - std::min(taken.size(), kTailKept)), 1200));
  text += fmt::format("sent last: {}\n",
                      printable(sent.substr(sent.size() - std::min(sent.size(), kTailKept)), 1200));
}

}  // namespace ringfold::torture
