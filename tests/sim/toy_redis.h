// ToyRedis: a server of a simulated world. It speaks RESP with its own reader, wants a password and
// knows databases, executes commands against a ToyStore or makes up replies nobody could mistake
// for another's, and breaks down as the dice fall. Everything it executes it reports to the oracle.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "network.h"
#include "oracle.h"
#include "toy_store.h"
#include "universe.h"

namespace ringfold::sim {

// Faults put between the toys and the ring that no ringfold can cause and every oracle must see.
enum class Sabotage : u8 {
  none,
  swap,        // two adjacent replies of a connection change places
  twice,       // a request is executed a second time
  corrupt,     // a byte inside a reply changes
  lose_reply,  // a reply is never sent, the next one takes its place
};

struct ToyRedisOptions {
  u32 index = 0;
  std::string password;
  u32 database = 0;  // the one the pool is meant to use
  bool refuses_auth = false;
  bool refuses_select = false;
  bool honest = false;       // executes; otherwise it makes replies up
  bool big_replies = false;  // now and then one that is passed on as it arrives
  Sabotage sabotage = Sabotage::none;
};

class ToyRedis final : public Acceptor, private EndOwner, private EventTarget {
 public:
  ToyRedis(Universe& universe, Network& network, const Address& address, Oracle& oracle,
           const ToyRedisOptions& options);

  void on_incoming(End& end) override;

  // All faults are over: it is up, and nothing keeps it from answering.
  void recover();

  u32 open_sessions() const;
  u64 sabotaged() const { return sabotaged_; }

 private:
  struct Session {
    End* end = nullptr;
    u32 serial = 0;
    bool authenticated = false;
    u32 database = 0;
    bool handshake_refused = false;
    bool busy = false;  // current waits for its turn
    ByteQueue input;
    std::size_t need = 0;
    std::vector<std::string> current;
    std::string held;  // swap: a reply that lets the next one pass
  };

  void on_event(u32 kind, u64 argument) override;
  void on_arrival(End& end) override;
  void on_space(End&) override {}

  void pump(Session& session);
  bool next_command(Session& session);
  bool strike(Session& session);
  void execute(Session& session);
  std::string handshake_reply(Session& session, const std::string& name);
  std::string request_reply(Session& session, const std::string& name);
  std::string honest_reply(u32 database, const std::string& name,
                           std::vector<std::string> arguments);
  std::string made_up_reply(const std::string& name, std::size_t keys, u32 token);
  std::string made_up_value(u32 token);
  std::string made_up_nested(u32 token, u32 depth);
  void say(Session& session, std::string reply);
  void die();
  void trace(const Session& session, const char* what, std::string_view bytes = {});

  Universe& universe_;
  Network& network_;
  const Address address_;
  Oracle& oracle_;
  const ToyRedisOptions options_;
  std::deque<Session> sessions_;
  ToyStore store_;
  u64 generation_ = 0;  // of stalls, so that recover() ends them
  u64 sabotaged_ = 0;
};

}  // namespace ringfold::sim
