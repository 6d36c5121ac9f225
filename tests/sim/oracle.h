// Oracle: what is true in a random world. Every command has a token of its own ("#17") in its keys
// and values; the toy servers report each execution with the reply they gave, the clients report
// each reply they got, and the oracle compares:
//   - every reply is the one given to exactly this command, or an error the world permits;
//   - a command is executed at most once at each server, and a merged reply is the sum of its
//     parts;
//   - the commands of one client reach one server in the client's order.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/ints.h"
#include "universe.h"

namespace ringfold::sim {

enum class CommandKind : u8 {
  by_key,        // the reply of the one server that executed it
  cross_key,     // two keys: by_key when one server holds both, else an error
  array_by_key,  // MGET
  sum,           // DEL UNLINK TOUCH EXISTS
  all_ok,        // MSET
  dbsize,        // the toys' numbers decode to one of each server
  flush,         // FLUSHALL
  keys,          // KEYS: the lists of all servers
  scan,          // SCAN: the elements of one server
  from_all,      // SCRIPT LOAD, SCRIPT EXISTS: `expected`, once all servers have executed it
  exact,         // answered by the proxy: `expected`
  any_error,     // an error in anybody's words
  refused,       // an error in the proxy's words
  no_auth,       // an error that begins -NOAUTH
};

struct Execution {
  u32 server = 0;
  u32 session = 0;
  std::vector<std::string> arguments;
  std::string reply;
};

struct Issued {
  CommandKind kind = CommandKind::exact;
  u32 client = 0;
  std::vector<std::string> arguments;
  std::string expected;
  std::vector<Execution> executions;
  bool answered = false;
  bool overtaken = false;  // a later command of the client came before it, on another connection
};

class Oracle {
 public:
  Oracle(Universe& universe, u32 server_count) : universe_(universe), server_count_(server_count) {
    sizes_.resize(server_count);
  }

  // Whether "-ERR ringfold: ..." is a permitted answer to a healthy command.
  void permit_errors(bool permitted) { errors_permitted_ = permitted; }
  // A larger command is a protocol error.
  void limit_requests(std::size_t size) { request_max_ = size; }
  bool errors_permitted() const { return errors_permitted_; }

  // A new command; its token. The caller fills in the rest.
  u32 issue(CommandKind kind, u32 client);
  Issued& issued(u32 token) { return issued_[token]; }

  void on_executed(u32 token, Execution execution);
  i64 next_size(u32 server);  // what DBSIZE of a toy says: different every time
  void on_flush() { ++flushes_; }

  // True when the reply was the proxy's error for a command that deserved better.
  bool on_reply(u32 token, std::string_view reply);

  // What was asked, and what the servers said.
  std::string describe(u32 token) const;

  // How long the longest reply given to a command was, bytes.
  std::size_t longest_reply(u32 token) const;
  u64 replies() const { return replies_; }
  u64 errors() const { return errors_; }
  u64 executions() const { return executions_; }

 private:
  void check(const Issued& issued, std::string_view reply);
  void check_array(const Issued& issued, std::string_view reply);
  void check_sum(const Issued& issued, std::string_view reply);
  void check_all_ok(const Issued& issued, std::string_view reply);
  void check_dbsize(const Issued& issued, std::string_view reply);
  void check_keys(const Issued& issued, std::string_view reply);
  void check_from_all(const Issued& issued, std::string_view reply);
  bool covers_keys(const Issued& issued, std::size_t step) const;
  bool is_error_of_child(const Issued& issued, std::string_view reply) const;
  void wrong(const Issued& issued, std::string_view reply, const std::string& why);

  struct LastExecution {
    u32 token = 0;
    u32 session = 0;
  };

  Universe& universe_;
  u32 server_count_;
  bool errors_permitted_ = false;
  std::size_t request_max_ = SIZE_MAX;
  std::vector<Issued> issued_;
  std::map<std::pair<u32, u32>, LastExecution> last_;   // by client and server
  std::map<std::pair<u32, u32>, u32> last_of_session_;  // by client and session
  struct Sizes {
    i64 last = 0;
    std::set<i64> outstanding;  // given to nobody's reply yet
  };
  std::vector<Sizes> sizes_;  // by server
  u64 flushes_ = 0;
  u64 flushes_answered_ = 0;
  u64 replies_ = 0;
  u64 errors_ = 0;
  u64 executions_ = 0;
};

// The token a command carries, or 0: the number behind the last '#' of its first argument that has
// one.
[[nodiscard]] u32 token_of(const std::vector<std::string>& arguments);

[[nodiscard]] inline bool is_proxy_error(std::string_view reply) {
  return reply.starts_with("-ERR ringfold: ");
}

}  // namespace ringfold::sim
