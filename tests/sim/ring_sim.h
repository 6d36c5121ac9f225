// RingSim: the Ring of a simulated world (see ring.h for the contract). It keeps every promise of
// the contract, uses every freedom the contract leaves as the world's dice fall, and fails the
// world when its owner breaks one of the owner's duties:
//   - at most one recv, one send, one connect and one accept in the kernel for each descriptor;
//   - bytes of a send untouched until its completion;
//   - a descriptor closed once, with nothing of it in the kernel;
//   - receive buffers released exactly once, never written to;
//   - a user_data names one live operation;
//   - no spinning: turns in which nothing happened are bounded, and so are operations a turn.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "network.h"
#include "ringfold/io/ring.h"
#include "universe.h"

namespace ringfold::sim {

// What stands behind received bytes, and in their place once they were released.
inline constexpr char kReceiveGarbage = '\x5a';

struct RingSimOptions {
  u32 buffer_count = 16;
  u32 buffer_size = 16 * 1024;    // bytes
  bool incremental = false;       // several completions share a buffer
  bool reuse_descriptors = true;  // the lowest free number, as a kernel does
  bool quiet_sends = true;        // a send taken whole at once does not end a wait
};

class RingSim final : public Ring, private EventTarget, private EndOwner {
 public:
  RingSim(Universe& universe, Network& network, const RingSimOptions& options, std::string name);
  ~RingSim() override;

  Expected<int> listen(const Address& address, const ListenOptions& options) override;
  int open_socket(const Address& address, bool keepalive) override;
  void accept(int fd, UserData user_data) override;
  void connect(int fd, const Address& address, UserData user_data) override;
  void recv(int fd, UserData user_data) override;
  void send(int fd, std::span<const iovec> vectors, UserData user_data) override;
  void cancel(UserData user_data) override;
  void cancel_all(int fd) override;
  void shutdown_write(int fd) override;
  void close(int fd) override;
  std::span<const Completion> wait(Nanos deadline) override;
  Nanos now() const override { return now_; }
  void release_buffer(u16 buffer) override;
  void ring_doorbell() override;

  // Whether the owner has to take its next turn now. When it sleeps: when it wants to be woken.
  bool wants_turn() const;
  Nanos deadline() const { return deadline_; }
  // Rings of the same world: wait() gives the thread back when one of them wants it.
  void set_neighbours(const std::vector<RingSim*>* neighbours) { neighbours_ = neighbours; }

  // Its owner takes no more turns.
  void retire() { retired_ = true; }

  // Accounts, for the end of a world.
  u32 open_descriptors() const;
  u32 operations() const;
  u32 buffers_out() const;  // completions with a buffer that were not released
  u64 turns() const { return turns_; }
  // What went through, as the kernel counts it.
  struct Traffic {
    u64 completions = 0;
    u64 sends = 0;
    u64 bytes_received = 0;
    u64 accepted = 0;
  };
  const Traffic& traffic() const { return traffic_; }
  u64 receives_cancelled() const { return receives_cancelled_; }  // a client's, for a pause

 private:
  static constexpr u32 kNone = 0xffffffff;
  static constexpr int kFirstDescriptor = 3;

  enum class State : u8 { free, prepared, active, ended };

  struct Operation {
    UserData user_data;
    Op op = Op::none;
    State state = State::free;
    int fd = -1;
    u32 serial = 0;  // tells reuse of the slot, for events under way
    // send
    std::vector<iovec> vectors;
    std::string copy;  // the bytes as they were when prepared
    std::size_t goal = 0;
    std::size_t done = 0;
    // connect
    Address address;
  };

  struct Acceptance final : Acceptor {
    RingSim* ring = nullptr;
    int fd = -1;
    Address address;
    std::deque<End*> backlog;
    void on_incoming(End& end) override;
  };

  enum class Kind : u8 { closed, listener, stream };
  struct Descriptor {
    Kind kind = Kind::closed;
    End* end = nullptr;
    std::unique_ptr<Acceptance> acceptance;
    u32 reader = kNone;  // the accept or recv operation
    u32 writer = kNone;  // the connect or send operation
    u32 starved = 0;     // recvs ended for want of a buffer, in a row
    bool shut = false;
  };

  struct Prepared {
    enum class Kind : u8 { operation, cancel, cancel_fd } kind;
    u32 operation = kNone;
    UserData user_data;
    int fd = -1;
  };

  struct Pending {
    Completion completion;
    u32 operation = kNone;
    bool quiet = false;  // does not end a wait
  };

  struct Buffer {
    std::unique_ptr<char[]> block;
    std::size_t size = 0;  // of block, padding not counted
    std::size_t used = 0;  // incremental: bytes handed out
    u32 out = 0;           // completions not yet released
    bool retired = false;  // incremental: no room left
  };

  enum Event : u32 { event_progress, event_complete, event_cancel, event_wake };

  void on_event(u32 kind, u64 argument) override;
  void on_arrival(End& end) override;
  void on_space(End& end) override;

  // ring_sim.cc: descriptors, operations, the owner's duties.
  Descriptor& at(int fd) { return descriptors_[static_cast<std::size_t>(fd - kFirstDescriptor)]; }
  bool check_fd(int fd, Kind kind, const char* what);
  int new_descriptor();
  u32 new_operation(UserData user_data, Op op, int fd, u32 Descriptor::*slot, const char* what);
  u32 find_live(UserData user_data) const;
  void misuse(const std::string& what);
  void check_turn(Nanos deadline);
  void collect();
  void hand_out(const Pending& pending);
  bool neighbour_wants_turn() const;
  Nanos neighbours_deadline() const;

  // ring_sim_kernel.cc: what the kernel does with them.
  void submit();
  void start(u32 index);
  void schedule(u32 index, Event event, Nanos delay);
  void progress(u32 index);
  void progress_accept(u32 index);
  void progress_connect(u32 index);
  bool receive_once(u32 index);
  void progress_send(u32 index);
  void write_some(Operation& operation, End& end, std::size_t count);
  void start_cancel(u32 index);
  void finish_cancel(u32 index);
  void complete(u32 index, i32 result, bool more);
  bool take_buffer(std::size_t wanted, Completion& completion, std::string_view bytes);
  void trace(const char* what, int fd, i64 number, std::string_view bytes = {});

  Universe& universe_;
  Network& network_;
  const RingSimOptions options_;
  const std::string name_;
  const std::vector<RingSim*>* neighbours_ = nullptr;

  std::deque<Operation> operations_;
  std::vector<u32> free_operations_;
  std::vector<Descriptor> descriptors_;
  std::vector<Prepared> prepared_;
  std::vector<Pending> pending_;
  std::vector<Completion> returned_;
  std::vector<Buffer> buffers_;
  u32 current_buffer_ = kNone;  // incremental: the one being filled

  Nanos now_ = 0;
  Nanos deadline_ = 0;
  bool awake_ = true;
  bool retired_ = false;
  bool doorbell_rung_ = false;
  bool submitting_ = false;
  bool something_ = false;  // among what this wait() returns is a reason to return
  u32 operations_this_turn_ = 0;
  u32 idle_turns_ = 0;
  Nanos idle_since_ = 0;
  u64 turns_ = 0;
  u64 receives_cancelled_ = 0;
  Traffic traffic_;
};

}  // namespace ringfold::sim
