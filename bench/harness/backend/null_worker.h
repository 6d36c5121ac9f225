// NullWorker: one thread of the null backend. It reads requests, answers each at once out of what
// its key says, and sends once a connection and tick. Nothing is kept, so the only memory in play
// is that of the bytes under way, which is used again.
//
//   received -> feed -> take_request -> answer_redis or _memcached -> finish_reply -> flush
//                                                                        \-> HeldReplies -/
//
// Created and used by one thread only.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "backend/answer.h"
#include "backend/connection.h"
#include "backend/held_replies.h"
#include "backend/options.h"
#include "backend/sabotage.h"
#include "backend/store.h"
#include "ringfold/base/error.h"
#include "ringfold/base/slab.h"
#include "ringfold/io/ring.h"
#include "ringfold/mem/block_pool.h"

namespace ringfold::backend {

struct Counters {
  u64 requests = 0;
  u64 connections = 0;
  u64 errors = 0;  // ordered ones, and requests that no server would take
  u64 corrupted = 0;
  u64 swapped = 0;  // pairs

  void add(const Counters& other);
};

class NullWorker {
 public:
  // Requires: options, store and ring outlive this.
  NullWorker(const BackendOptions& options, const Store& store, Ring& ring, u32 index);
  ~NullWorker();
  NullWorker(const NullWorker&) = delete;
  NullWorker& operator=(const NullWorker&) = delete;

  // On each address: a duplicate of the descriptor there, or, where it is -1, a socket of its own.
  [[nodiscard]] Expected<void> listen(std::span<const SharedListener> listeners);

  // One turn: waits until something happens or is due, and handles all of it. Returns true when the
  // ring's doorbell was rung.
  bool tick();

  const Counters& counters() const { return counters_; }
  u32 connections_open() const { return connections_.used(); }
  u64 blocks_in_use() const { return blocks_.blocks_in_use(); }

 private:
  enum class Step : u8 { handled, incomplete, failed };

  // null_worker.cc: connections.
  void dispatch(const Completion& completion);
  void on_accepted(const Completion& completion);
  void on_received(u32 index, const Completion& completion);
  void on_sent(u32 index, i32 result);
  void retry_accepting();
  void arm_receive(u32 index, Connection& connection);
  void drain(u32 index, Connection& connection);
  void start_closing(u32 index, Connection& connection);
  void free_connection(u32 index, Connection& connection);
  void settle(u32 index);
  void settle_all();
  void flush();
  void mark_dirty(u32 index, Connection& connection);
  void queue_for_settling(u32 index, Connection& connection);

  // null_stream.cc: from bytes to requests.
  void feed(u32 index, std::string_view bytes);
  [[nodiscard]] std::size_t top_up(u32 index, std::string_view bytes);
  [[nodiscard]] Step take_request(u32 index, std::string_view bytes, RequestFrame& frame,
                                  std::size_t& used);
  [[nodiscard]] Step take_redis(u32 index, std::string_view bytes, RequestFrame& frame,
                                std::size_t& used);
  [[nodiscard]] Step take_inline(u32 index, std::string_view bytes, std::size_t& used);
  [[nodiscard]] Step take_memcached(u32 index, std::string_view bytes, RequestFrame& frame,
                                    std::size_t& used);
  void refuse(u32 index, std::string_view error);
  void resume(u32 index);
  bool must_pause(const Connection& connection) const;
  [[nodiscard]] Block* append_to_carry(Block* carry, std::string_view bytes);
  [[nodiscard]] Block* start_carry(std::string_view bytes, const RequestFrame& frame);

  // null_replies.cc: from answers to bytes that may be sent. Answer is called with an Output.
  template <class Answer>
  void reply(u32 index, Answer answer);
  void answer_redis_request(u32 index, std::string_view bytes, const RequestFrame& frame);
  void answer_memcached_request(u32 index, std::string_view bytes, const RequestFrame& frame,
                                const memcached::CommandRow& row);
  void answer_refused(u32 index, std::string_view error);
  void finish_reply(u32 index, u64 bytes);
  void finish_sabotaged(u32 index, const Answered& answered);
  void put_reply(u32 index, std::string_view bytes);
  bool has_swap_candidate() const;
  void put_swap_candidate();
  [[nodiscard]] Nanos draw_due();

  const BackendOptions& options_;
  const Store& store_;
  Ring& ring_;
  const bool is_sabotaged_;
  const bool is_delayed_;
  Prng prng_;  // of service times
  Sabotage sabotage_;
  Counters counters_;

  BlockPool blocks_;
  Slab<Connection> connections_{1u << 20};
  HeldReplies held_;
  std::vector<u32> dirty_;
  std::vector<u32> settling_;
  std::vector<int> listeners_;
  std::vector<u32> stopped_listeners_;  // accepting failed; armed again at accept_retry_
  Nanos accept_retry_ = kNever;
  bool wait_is_short_ = false;
  bool woken_ = false;

  // The rate cap: when the next request's turn is, and how long each takes.
  Nanos next_turn_ = 0;
  double turn_length_ = 0;     // nanoseconds
  double turn_remainder_ = 0;  // of nanoseconds

  // Scratch, used again and again.
  std::string inline_request_;
  std::string text_;  // the reply being made, where something may be done to it

  // A reply of this tick that waits for another to change places with.
  struct SwapCandidate {
    u32 connection = kNone;
    u32 generation = 0;
    std::string text;
  };
  SwapCandidate candidate_;
};

}  // namespace ringfold::backend
