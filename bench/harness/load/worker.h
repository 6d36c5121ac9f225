// Worker: one thread, one ring, its share of the connections. A tick is Ring::wait(), the replies
// that came, the requests that are due, and one send for every connection that has something to
// send; nothing is allocated in it once the queues have grown to their size.
//
//   connect -> fill -> (start line: all threads) -> warm-up -> measured time -> last replies
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "load/board.h"
#include "load/connection.h"
#include "load/judge.h"
#include "load/plan.h"
#include "load/schedule.h"
#include "load/start_line.h"
#include "load/tally.h"
#include "load/traffic.h"
#include "ringfold/io/ring.h"

namespace ringfold::load {

// What a thread has to tell in the end.
struct WorkerResult {
  Tally tally;
  std::vector<Histogram> latencies;  // by recipe
  double seconds = 0;                // measured
  double cpu_seconds = 0;            // of this thread, in the measured time
};

class Worker {
 public:
  Worker(const Plan& plan, u32 thread, StartLine& start_line, Board& board,
         const std::atomic<bool>& stop);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // All of it, on the calling thread.
  void run();
  WorkerResult& result() { return result_; }

 private:
  enum class Phase : u8 { connecting, filling, running, draining, closing };

  // worker.cc: the phases
  std::string prepare();
  std::string open_ring();
  std::string connect_all();
  std::string fill();
  void start(Nanos at);
  void measure();
  void drain();
  void close_all();
  void take_time();
  void post_seconds(Nanos now, bool is_last);
  bool is_over() const;
  bool is_stuck() const;
  void count_unsent();
  void tick(Nanos deadline);
  Nanos next_deadline() const;
  bool may_issue() const;

  // worker_issue.cc: what is sent when
  void fill_up(Connection& connection);
  void fill_up_all();
  bool issue_due();
  Connection* choose_connection();
  void list_idle(u32 index);
  bool has_room(const Connection& connection) const;
  u32 index_of(const Connection& connection) const {
    return static_cast<u32>(&connection - connections_.data());
  }

  // worker_links.cc: connections
  void open(u32 index);
  void retry_closed();
  void on_completion(const Completion& completion);
  void on_connected(Connection& connection, i32 result);
  void on_received(Connection& connection, const Completion& completion);
  void on_sent(Connection& connection, i32 result);
  void greet(Connection& connection);
  void become_ready(Connection& connection);
  void lose(Connection& connection, const std::string& why);
  void finish_closing(Connection& connection);
  void mark_dirty(Connection& connection);
  void flush();
  UserData name(const Connection& connection, Op op) const;

  // worker_replies.cc: what comes back
  void take_bytes(Connection& connection, std::string_view bytes);
  void take_greeting(Connection& connection, std::string_view& bytes);
  template <class Judge>
  void take_replies(Connection& connection, std::string_view bytes, Judge& judge);
  void finish(Connection& connection, const Recipe& recipe);
  void keep(Connection& connection, std::string_view piece);
  void drop_carry(Connection& connection);

  const Plan& plan_;
  const u32 thread_;
  StartLine& start_line_;
  Board& board_;
  const std::atomic<bool>& stop_;

  WorkerResult result_;
  Tally& tally_;
  BlockPool blocks_;
  std::unique_ptr<Ring> ring_;
  std::vector<Connection> connections_;
  Traffic traffic_;
  RedisJudge redis_judge_;
  MemcachedJudge memcached_judge_;
  Schedule schedule_;

  Phase phase_ = Phase::connecting;
  std::string failure_;  // why the start failed
  std::vector<u32> dirty_;
  Fifo<u32> idle_;              // open loop: connections that wait for nothing, least recent first
  u32 next_connection_ = 0;     // open loop: where the search for room goes on
  u32 opening_ = 0;             // connections that are being opened
  u32 closed_ = 0;              // connections without a socket
  bool wait_is_short_ = false;  // something waits for the completion of a send
  bool is_crowded_ = false;     // open loop: no connection has room

  u64 requests_left_ = 0;  // with --requests, of the measured ones
  u64 waiting_ = 0;        // requests without a reply
  u64 filled_ = 0;         // keys, not yet told the board
  Nanos last_reply_ = 0;
  Nanos measure_from_ = 0;
  Nanos measure_to_ = kNever;
  Nanos interrupted_at_ = kNever;
  double cpu_at_start_ = -1;
  std::vector<Histogram> recent_;  // of the current second, by recipe
  u64 posted_ = 0;                 // seconds
  u64 faults_posted_ = 0;
};

}  // namespace ringfold::load
