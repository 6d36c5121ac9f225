// One client connection after the other: connects, sends bursts of commands cut at random places,
// judges the replies, and leaves, politely or not.
#pragma once

#include <sys/socket.h>

#include <deque>
#include <string>

#include "command.h"

namespace ringfold::torture {

// How the connection ends.
enum class Leave : u8 {
  clean,        // when everything is answered
  half_close,   // shuts its writing side down and reads to the end
  mid_request,  // in the middle of a request
  mid_reply,    // when replies have begun to come
};

// What all visitors share.
struct Surroundings {
  Scene& scene;
  Dialect& dialect;
  sockaddr_storage address = {};
  socklen_t address_size = 0;
  int epoll = -1;
  u32 depth_max = 200;
  Nanos deadline = 0;    // the longest that nothing may move while something is due
  double allowance = 0;  // commands that may be sent now
  bool closing = false;  // no new visits
  bool polite = false;   // no visitor leaves before it has been answered
};

class Visitor {
 public:
  Visitor(Surroundings& surroundings, u32 index) : around_(surroundings), index_(index) {}
  ~Visitor();
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;

  void on_events(u32 events);
  // What is due by the clock: connecting, new bursts, reading on, the deadline.
  void on_time();
  // The driver itself was held up; that is nobody's fault.
  void forgive(Nanos pause) { moved_at_ += pause; }
  bool is_closed() const { return fd_ < 0; }

 private:
  enum class State : u8 { connecting, open, half_closed };

  void connect();
  void next_step();
  void compose_burst();
  void send_some();
  void receive();
  void take_replies();
  void on_end_of_stream();
  void leave_now(std::string_view how, bool reset);
  void close_socket();
  void watch();
  void violation(std::string_view problem, const Command* command, std::string_view reply);

  std::size_t unsent() const { return out_.size() - out_sent_; }
  std::string_view received() const { return std::string_view(in_).substr(in_taken_); }

  Surroundings& around_;
  u32 index_;
  int fd_ = -1;
  State state_ = State::connecting;
  u32 events_ = 0;
  std::string out_;  // the last bytes sent, for reports, and what is to be sent
  std::size_t out_sent_ = 0;
  u64 stream_sent_ = 0;
  std::string in_;  // likewise: what was taken last, and what is not yet a whole reply
  std::size_t in_taken_ = 0;
  std::size_t in_needed_ = 0;  // no use in looking before there are so many bytes to take
  std::deque<Command> line_;
  Memory memory_;
  u32 bursts_left_ = 0;
  Leave leave_ = Leave::clean;
  std::size_t piece_max_ = 0;          // bytes of a send at most; 0: as many as there are
  std::size_t stop_after_ = SIZE_MAX;  // mid_request: unsent bytes that will never be sent
  Nanos moved_at_ = 0;
  Nanos read_again_at_ = 0;
  Nanos connect_at_ = 0;
};

}  // namespace ringfold::torture
