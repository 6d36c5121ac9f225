// NameWatch: which servers are known by a host name, which address they have now, and when which
// name is to be looked up. It decides and words; it asks no name server, has no thread and no clock
// (resolver.h, names.h). Owner: the supervisor's thread.
//
//   due --next_lookup()--> under way --take_answer()--> due again after dns_refresh_ms, or sooner
//        when the lookup failed; ask() makes a name due earlier, once a second at most
#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ringfold/base/error.h"
#include "ringfold/base/ints.h"
#include "ringfold/config.h"
#include "ringfold/io/address.h"

namespace ringfold {

// What the log shall say.
struct NameNote {
  LogLevel level;
  std::string text;
};

// A server's new address, for the workers.
struct AddressChange {
  u16 pool;
  u16 server;
  Address address;
};

struct NameNews {
  std::vector<AddressChange> changes;
  std::vector<NameNote> notes;
};

// What a lookup of a host name gave; port 0.
using LookupResult = Expected<std::vector<Address>>;

// The address that a name means. The present one as long as it is among the answers: a name with
// several is no reason to move. Else the lowest one of the family that stands first: resolvers
// change the order with every answer, but all proxies have to find the same server.
// Requires: found is not empty.
[[nodiscard]] Address choose_address(const std::vector<Address>& found, const Address& present);

class NameWatch {
 public:
  // All names are due at once. Valid until: forever, it keeps nothing of config.
  explicit NameWatch(const Config& config);

  bool empty() const { return hosts_.empty(); }

  // Takes the addresses that the other watch knows, for its names that are here too; they are due
  // when they were there. What changes by that.
  [[nodiscard]] std::vector<AddressChange> learn_from(const NameWatch& other);

  // The name to look up now, if one is due and none is under way. The answer is owed to
  // take_answer().
  [[nodiscard]] std::optional<std::string> next_lookup(Nanos now);

  // When next_lookup() is worth a call; kNever while a lookup is under way.
  Nanos next_due() const;

  // Requires: a lookup is under way; this is its result.
  [[nodiscard]] NameNews take_answer(const LookupResult& found, Nanos now);

  // A worker cannot reach the server, or lost a connection to it. Servers without a name are
  // ignored.
  void ask(u16 pool, u16 server, Nanos now);

  // No name waits for its first answer.
  bool is_first_round_over() const { return first_answers_due_ == 0; }

  // The process starts without the first answers that are still due: the words for the log.
  [[nodiscard]] std::vector<NameNote> give_up_first_round();

 private:
  static constexpr u32 kNoHost = 0xffffffff;

  struct Server {
    u16 pool;
    u16 index;
    u16 port;
    std::string title;  // `pool "x": server "y"`
  };
  struct Host {
    std::string name;
    std::vector<Server> servers;
    Address address;  // port 0; not resolved() as long as there is none
    Nanos due = 0;    // kNever: only when asked for
    Nanos answered_at = 0;
    u32 failures = 0;       // lookups in a row
    bool urgent = false;    // stands in urgent_, else in routine_
    bool answered = false;  // once at least
    bool reported = false;  // the log knows that something is wrong with the name
  };
  using Queue = std::set<std::pair<Nanos, u32>>;  // due, index in hosts_

  void add_server(const PoolConfig& pool, u16 pool_index, u16 index);
  void schedule(u32 index, Nanos due, bool urgent);
  void unschedule(u32 index);
  Nanos delay_after_failure(u32 failures) const;
  void take_addresses(Host& host, const std::vector<Address>& found, NameNews& news);
  void take_failure(Host& host, const std::string& reason, NameNews& news);

  Nanos refresh_;  // kNever: only when connections fail
  std::vector<Host> hosts_;
  std::unordered_map<std::string, u32> index_of_;  // host name -> index in hosts_
  std::vector<std::vector<u32>> host_of_;          // by pool and server; kNoHost: it has no name
  Queue urgent_;                                   // asked for, before
  Queue routine_;                                  // what is due anyhow
  u32 under_way_ = kNoHost;                        // index in hosts_, or kNoHost
  u32 first_answers_due_ = 0;
};

}  // namespace ringfold
