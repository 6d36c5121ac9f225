// MemcachedOracle: what an answer in memcached's text protocol has to be. The values of a get are
// judged by what the servers said about each key, not by commands counted: how a proxy spreads or
// joins the keys of gets on the wire is its own business.
//
// Keys with a token belong to one command, and each time it names one it gets another answer. Keys
// without are everybody's: any answer given between the question and the client's reply is right.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "oracle.h"

namespace ringfold::sim {

// What a server said about one key of a get.
struct KeyAnswer {
  std::string key;       // as asked
  std::string block;     // the VALUE block; empty: a miss, or unknown when there is an error
  std::string error;     // the line that ended the reply before this key's turn
  std::string end = {};  // an error that ended it, when there is no block: who asked cannot know
                         // whose turn it was
};

class MemcachedOracle final : public Oracle {
 public:
  using Oracle::Oracle;

  // The pool shows keys of failed servers as misses.
  void permit_misses(bool permitted) { misses_permitted_ = permitted; }
  // The same for those of ejected servers, whoever asks for them.
  void permit_ejected_misses(bool permitted) { ejected_misses_permitted_ = permitted; }
  // Each key has one server (but for the distribution random, and where the keys of servers that
  // are ejected move).
  void bind_keys(bool bound) { keys_bound_ = bound; }

  // Now, as a number that grows with all that servers say.
  u64 moment() const { return moment_; }

  // A server answered get, gets, gat or gats.
  void on_values(u32 server, u32 session, const std::vector<std::string>& words,
                 const std::vector<KeyAnswer>& answers, const std::string& reply);
  // A server executed any other command that has a token. key: its key, decoded, or nothing.
  void on_command(u32 token, const std::string& key, Execution execution);
  // flush_all and stats without a token.
  void on_flush(u32 server);
  void on_stats(u32 server, const std::string& reply);

  // The client does not see such an answer to the command.
  bool hides(const Issued& issued, std::string_view reply) const;
  bool may_be_silent(u32 token) const override;
  std::size_t longest_reply(u32 token) const override;

 private:
  struct Said {
    u64 moment = 0;
    KeyAnswer answer;
    std::size_t reply_size = 0;  // of the whole reply it stood in
  };
  struct Stats {
    u64 moment = 0;
    u32 server = 0;
    std::string reply;
  };

  bool is_proxy_error(std::string_view reply) const override {
    return reply.starts_with("SERVER_ERROR ringfold: ");
  }
  bool is_too_large(const Issued& issued, std::string_view reply) const override;
  bool may_leave_out(const Issued& issued, std::string_view reply) const override {
    const bool is_said =
        !reply.ends_with("\nEND\r\n") && reply != "END\r\n";  // an error stands in END's place
    return issued.kind == CommandKind::values && (misses_permitted_ || is_said);
  }
  std::string check(const Issued& issued, std::string_view reply) override;

  std::string check_by_key(const Issued& issued, std::string_view reply) const;
  std::string check_values(const Issued& issued, std::string_view reply) const;
  std::string check_end(const Issued& issued, std::string_view end, bool is_complete) const;
  std::string check_from_all(const Issued& issued, std::string_view reply) const;
  std::string check_flush(const Issued& issued, std::string_view reply) const;
  static std::string stat_lines(const Stats& stats, bool is_named);
  std::string check_some_stats(const Issued& issued, std::string_view reply) const;
  std::string check_stats(const Issued& issued, std::string_view reply) const;
  bool flushed_since(u64 moment) const;
  bool may_be_ejected_miss(const Issued& issued) const;
  std::vector<const Said*> said_about(const Issued& issued, const std::string& key) const;
  void note_key(const std::string& key, u32 server);
  void note_asked(u32 token, u32 server, u32 session, const std::vector<std::string>& words,
                  const std::string& reply);

  bool misses_permitted_ = false;
  bool ejected_misses_permitted_ = false;
  bool keys_bound_ = true;
  u64 moment_ = 1;
  std::map<std::string, std::vector<Said>> said_;  // by key
  std::map<std::string, u32> server_of_;           // by key
  std::map<u32, u64> last_flush_;                  // by server: when
  std::vector<Stats> stats_;
};

// Where the keys of get, gets, gat and gats begin; 0: it is none of them.
[[nodiscard]] std::size_t first_key_of_values(std::string_view name);

}  // namespace ringfold::sim
