// ToyServer: what the toy servers of all protocols have in common: sessions, the time an answer
// takes, breaking down as the dice fall, and sabotage. What is said is the protocol's business.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "network.h"
#include "universe.h"

namespace ringfold::sim {

// Faults put between the toys and the ring that no ringfold can cause and every oracle must see.
enum class Sabotage : u8 {
  none,
  swap,        // two adjacent replies of a connection change places
  twice,       // a request is executed a second time
  corrupt,     // a byte inside a value changes
  lose_reply,  // a reply is never sent, the next one takes its place
};

struct ToyServerOptions {
  u32 index = 0;
  std::string password;
  u32 database = 0;  // the one the pool is meant to use
  bool refuses_auth = false;
  bool refuses_select = false;
  bool honest = false;       // executes; otherwise it makes replies up
  bool big_replies = false;  // now and then one that is passed on as it arrives
  bool may_load = false;     // reads its data for a while when it comes back
  Sabotage sabotage = Sabotage::none;
};

// Told when a server has moved: where it can be reached from now on.
class MoveListener {
 public:
  virtual void on_moved(u32 server, const Address& address) = 0;

 protected:
  ~MoveListener() = default;
};

class ToyServer : public Acceptor, private EndOwner, private EventTarget {
 public:
  ToyServer(Universe& universe, Network& network, const Address& address,
            const ToyServerOptions& options);
  virtual ~ToyServer() = default;

  void on_incoming(End& end) override;

  // From now on it may move. Its addresses: those it may be reached at, one after the other.
  void let_move(MoveListener& listener, std::vector<Address> addresses);

  // From now on requests have to come to the address where it is.
  void expect_present_address() { is_present_address_expected_ = true; }

  // All faults are over: it is up, and nothing keeps it from answering.
  void recover();

  u32 open_sessions() const;
  u32 ended_sessions() const { return static_cast<u32>(sessions_.size()) - open_sessions(); }
  u64 sabotaged() const { return sabotaged_; }

 protected:
  struct Session {
    End* end = nullptr;
    u32 serial = 0;
    bool busy = false;  // the command in hand waits for its turn
    ByteQueue input;
    std::size_t need = 0;
    std::vector<std::string> words;  // of the command in hand
    std::string data;                // memcached: its data block
    bool authenticated = false;      // Redis
    u32 database = 0;
    bool handshake_refused = false;
    bool due = false;    // its command's turn came while the server was frozen
    bool stale = false;  // the server knows nothing of it since it vanished
    std::string held;    // swap: a reply that lets the next one pass
    bool held_is_seen = false;
  };

  enum class Take : u8 { incomplete, complete, broken };

  // Reads one command from the session's input. size: as in toy::ScanResult.
  virtual Take take_command(Session& session, std::size_t& size) = 0;

  // Answers what the proxy says on its own account. False: it is a client's request.
  virtual bool greet(Session& session, std::string& reply) = 0;

  // Executes a client's request and tells the oracle. Nothing: the request wants no answer.
  virtual std::string answer(Session& session) = 0;

  // Its memory is lost.
  virtual void forget() = 0;

  // Sabotage has to be noticed, so it keeps to commands that the oracle knows by their token, and
  // minds whether the client sees every answer to this one.
  virtual u32 token(const Session& session) const = 0;
  virtual bool may_strike(const Session& session) const = 0;
  virtual bool is_seen(const Session& session) const = 0;

  // Where a value in the reply ends, or npos.
  virtual std::size_t value_end(std::string_view reply) const = 0;

  // Printable bytes with line ends and neither a token nor a word of any protocol.
  std::string filler();
  void wrong(const std::string& what);
  bool is_loading() const { return universe_.now() < loading_until_; }

  Universe& universe_;
  const ToyServerOptions options_;

 private:
  void on_event(u32 kind, u64 argument) override;
  void on_arrival(End& end) override;
  void on_space(End&) override {}

  void pump(Session& session);
  bool next_command(Session& session);
  bool strike(Session& session);
  void execute(Session& session);
  bool sabotage(Session& session, std::string& reply);
  void say(Session& session, std::string reply);
  void die();
  void vanish();
  void freeze();
  void move();
  void go_down(Reach reach);
  void come_back();
  void thaw();
  void drop_stale(Session& session);
  void set_reach(Reach reach) { network_.set_reach(address_, reach); }
  void note(const std::string& what) {
    universe_.trace("server " + std::to_string(options_.index), what);
  }
  void trace(const Session& session, const char* what, std::string_view bytes = {});

  Network& network_;
  Address address_;
  std::deque<Session> sessions_;
  MoveListener* move_listener_ = nullptr;
  std::vector<Address> addresses_;
  std::size_t place_ = 0;  // in addresses_
  bool is_present_address_expected_ = false;
  Nanos loading_until_ = 0;
  bool down_ = false;
  bool frozen_ = false;
  u64 outage_ = 0;      // how often it went down
  u64 generation_ = 0;  // of stalls, so that recover() ends them
  u64 sabotaged_ = 0;
};

}  // namespace ringfold::sim
