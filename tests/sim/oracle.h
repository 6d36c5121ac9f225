// Oracle: what is true in a random world. Every command has a token of its own ("#17") in its keys
// and values; the toy servers report each execution with the reply they gave, the clients report
// each reply they got, and the oracle compares. What holds for all protocols is here:
//   - a command is executed at most once at each server;
//   - the commands of one client reach one server in the client's order;
//   - the proxy's own errors come only where something was broken.
// What a reply has to be is the protocol's business: redis_oracle.h, memcached_oracle.h.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "error_rules.h"
#include "ringfold/base/ints.h"
#include "universe.h"

namespace ringfold::sim {

enum class CommandKind : u8 {
  by_key,     // the reply of the one server that executed it
  flush,      // FLUSHALL, flush_all
  from_all,   // `expected`, once all servers have executed it
  exact,      // answered by the proxy: `expected`
  any_error,  // an error in anybody's words
  refused,    // an error in the proxy's words
  // Redis
  cross_key,     // two keys: by_key when one server holds both, else an error
  array_by_key,  // MGET
  sum,           // DEL UNLINK TOUCH EXISTS
  all_ok,        // MSET
  dbsize,        // the toys' numbers decode to one of each server
  keys,          // KEYS: the lists of all servers
  scan,          // SCAN: the elements of one server
  no_auth,       // an error that begins -NOAUTH
  // memcached
  values,  // get gets gat gats
  stats,   // the lines of all servers
};

// Which answers the client does not see.
enum class Hush : u8 {
  none,
  everything,  // noreply
  misses,      // mg q: EN
  successes,   // ms q, md q, ma q: HD, and VA of ma
};

// A server numbers its sessions by the address they came to: a server that has moved is, for the
// order of commands, another one, as it mostly is (a client's commands may reach the new one before
// the old one has done with its last).
inline constexpr u32 kSessionsOfOneAddress = 1u << 16;

struct Execution {
  u32 server = 0;
  u32 session = 0;
  std::vector<std::string> arguments;  // memcached: the data block is the last
  std::string reply;
  bool overtaken = false;  // a later command of the client came before it, on another connection
};

struct Issued {
  CommandKind kind = CommandKind::exact;
  Hush hush = Hush::none;
  u32 client = 0;
  std::size_t size = 0;  // bytes as sent
  u64 moment = 0;        // memcached: of Oracle::moment(), when it was made
  std::vector<std::string> arguments;
  std::string expected;
  std::vector<Execution> executions;
  bool overtaken = false;  // one of its executions was
};

class Oracle {
 public:
  Oracle(Universe& universe, u32 server_count)
      : error_rules(server_count),
        servers_min(server_count),
        universe_(universe),
        server_count_(server_count) {}
  virtual ~Oracle() = default;
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  // Whether the proxy's error is a permitted answer to a healthy command; error_rules says which
  // one.
  void permit_errors(bool permitted) { errors_permitted_ = permitted; }
  // A larger command is refused.
  void limit_requests(std::size_t size) { request_max_ = size; }
  bool errors_permitted() const { return errors_permitted_; }

  // A new command; its token. The caller fills in the rest.
  u32 issue(CommandKind kind, u32 client);
  Issued& issued(u32 token) { return issued_[token]; }
  const Issued& issued(u32 token) const { return issued_[token]; }

  void on_executed(u32 token, Execution execution);

  // Why the reply cannot be the answer to the command; empty: it can. Redis: asked once a reply.
  [[nodiscard]] std::string objection(u32 token, std::string_view reply);

  // Whether the command may have ended, by now, with no answer that its client sees.
  [[nodiscard]] virtual bool may_be_silent(u32) const { return false; }

  // The reply belongs to this command. True when it was the proxy's error for one that deserved
  // better.
  bool take(u32 token, std::string_view reply);

  // Both; an objection is the world's failure.
  bool on_reply(u32 token, std::string_view reply);

  // What was asked, what the servers said, what the client got, and why that is wrong. token 0:
  // a reply to nothing.
  void wrong(u32 token, std::string_view reply, const std::string& why);

  // What was asked, and what the servers said.
  std::string describe(u32 token) const;

  // How long the longest reply given to a command was, bytes.
  virtual std::size_t longest_reply(u32 token) const;

  // A server has executed some of it.
  bool is_executed(u32 token) const { return !issued_[token].executions.empty(); }

  ErrorRules error_rules;

  // Which server has to be asked for a key; nothing: whichever it is.
  std::function<u32(std::string_view)> home_of;
  // While a server is ejected another one may be.
  bool keys_move = false;
  std::string hash_tag;  // two characters, or nothing
  // A command to all servers reaches so many at least. Fewer than there are: some come and go, and
  // their order changes.
  u32 servers_min = 0;

  u64 replies() const { return replies_; }
  u64 errors() const { return errors_; }
  u64 executions() const { return executions_; }

 protected:
  virtual bool is_proxy_error(std::string_view reply) const = 0;
  // The reply refuses a command that is too large.
  virtual bool is_too_large(const Issued& issued, std::string_view reply) const = 0;
  // What a server said too late may be missing in a reply that is no error all the same.
  virtual bool may_leave_out(const Issued&, std::string_view) const { return false; }
  virtual std::string check(const Issued& issued, std::string_view reply) = 0;

  // Why the proxy's error is none that it may give now.
  std::string objection_to_error(std::string_view reply) const;

  // An error of the proxy where it is no failure of its own.
  static bool expects_error(const Issued& issued);

  // A server was asked for the key. Fails the world when it is another one's.
  void check_home(std::string_view key, u32 server);

  // The key that check_home() was told of last is no sign of a command's order.
  void forget_lane() { last_routed_.clear(); }

  // The command reached a server. Fails the world when a later one of its client came before it.
  // Whether the execution was overtaken.
  bool note_order(u32 token, u32 server, u32 session);

  Universe& universe_;
  const u32 server_count_;
  bool errors_permitted_ = false;
  std::size_t request_max_ = SIZE_MAX;
  std::vector<Issued> issued_;
  u64 executions_ = 0;

 private:
  struct LastExecution {
    u32 token = 0;
    u32 session = 0;
  };

  // What of a key says where it goes.
  std::string routed_part(std::string_view key) const;

  // By client, server, address and, where keys move, what says where they go.
  std::map<std::tuple<u32, u32, u32, std::string>, LastExecution> last_;
  // By client, session and the same.
  std::map<std::tuple<u32, u32, std::string>, u32> last_of_session_;
  std::string last_routed_;  // of the key noted last, where keys move
  u64 replies_ = 0;
  u64 errors_ = 0;
};

// The token a command carries, or 0: the number behind the last '#' of its first argument that has
// one.
[[nodiscard]] u32 token_of(const std::vector<std::string>& arguments);

}  // namespace ringfold::sim
