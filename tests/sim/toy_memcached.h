// ToyMemcached: a server of a simulated world. It speaks memcached's text protocol with its own
// reader, executes commands against a ToyMemcachedStore or makes up answers nobody could mistake
// for another's, and tells the oracle what it said. A proxy's line that could harm others on the
// same connection ends the world.
#pragma once

#include <string>
#include <vector>

#include "memcached_oracle.h"
#include "toy_memcached_store.h"
#include "toy_server.h"

namespace ringfold::sim {

class ToyMemcached final : public ToyServer {
 public:
  ToyMemcached(Universe& universe, Network& network, const Address& address,
               MemcachedOracle& oracle, const ToyServerOptions& options)
      : ToyServer(universe, network, address, options), oracle_(oracle) {}

 private:
  Take take_command(Session& session, std::size_t& size) override;
  bool greet(Session& session, std::string& reply) override;
  std::string answer(Session& session) override;
  void forget() override { store_ = ToyMemcachedStore(); }
  u32 token(const Session& session) const override;
  bool may_strike(const Session& session) const override { return token(session) != 0; }
  bool is_seen(const Session& session) const override;
  std::size_t value_end(std::string_view reply) const override;

  std::string answer_values(const Session& session);
  std::string answer_stats(const Session& session);
  std::string made_up(const Session& session);
  std::string made_up_meta(const std::vector<std::string>& words);
  std::string made_up_value();
  std::string made_up_block(const std::string& key, bool with_cas);
  std::string made_up_error();
  std::string mark();

  MemcachedOracle& oracle_;
  ToyMemcachedStore store_;
  u64 serial_ = 0;  // of what was made up: no two are the same
};

}  // namespace ringfold::sim
