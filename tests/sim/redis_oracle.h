// RedisOracle: what a reply in RESP has to be: the one given to exactly this command, or for a
// command that was split the sum of what its parts were answered.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "oracle.h"

namespace ringfold::sim {

class RedisOracle final : public Oracle {
 public:
  RedisOracle(Universe& universe, u32 server_count) : Oracle(universe, server_count) {
    sizes_.resize(server_count);
  }

  // A server executed the command: each of its keys was its own.
  void check_keys_home(u32 token, const std::vector<std::string>& arguments, u32 server);

  i64 next_size(u32 server);  // what DBSIZE of a toy says: different every time
  void on_flush() { ++flushes_; }
  // A server that loads its data refused a command without a token.
  void on_loading(const std::string& reply) { loading_reply_ = reply; }

 private:
  bool is_proxy_error(std::string_view reply) const override {
    return reply.starts_with("-ERR ringfold: ");
  }
  bool is_too_large(const Issued& issued, std::string_view reply) const override;
  std::string check(const Issued& issued, std::string_view reply) override;

  std::string check_by_key(const Issued& issued, std::string_view reply) const;
  std::string check_array(const Issued& issued, std::string_view reply) const;
  std::string check_sum(const Issued& issued, std::string_view reply) const;
  std::string check_all_ok(const Issued& issued, std::string_view reply) const;
  std::string check_dbsize(std::string_view reply);
  std::string check_flush(std::string_view reply);
  std::string check_keys(const Issued& issued, std::string_view reply) const;
  std::string check_from_all(const Issued& issued, std::string_view reply) const;
  bool is_loading_reply(std::string_view reply) const {
    return !loading_reply_.empty() && reply == loading_reply_;
  }
  bool is_error_of_child(const Issued& issued, std::string_view reply) const;
  bool covers_keys(const Issued& issued, std::size_t step) const;

  struct Sizes {
    i64 last = 0;
    std::set<i64> outstanding;  // given to nobody's reply yet
  };
  std::vector<Sizes> sizes_;   // by server
  std::string loading_reply_;  // empty: none was given
  u64 flushes_ = 0;
  u64 flushes_answered_ = 0;
};

}  // namespace ringfold::sim
