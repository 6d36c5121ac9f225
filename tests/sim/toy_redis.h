// ToyRedis: a server of a simulated world. It speaks RESP with its own reader, wants a password and
// knows databases, executes commands against a ToyStore or makes up replies nobody could mistake
// for another's. Everything it executes it reports to the oracle.
#pragma once

#include <string>
#include <vector>

#include "redis_oracle.h"
#include "toy_server.h"
#include "toy_store.h"

namespace ringfold::sim {

class ToyRedis final : public ToyServer {
 public:
  ToyRedis(Universe& universe, Network& network, const Address& address, RedisOracle& oracle,
           const ToyServerOptions& options)
      : ToyServer(universe, network, address, options), oracle_(oracle) {}

 private:
  Take take_command(Session& session, std::size_t& size) override;
  bool greet(Session& session, std::string& reply) override;
  std::string answer(Session& session) override;
  void forget() override { store_ = ToyStore(); }
  u32 token(const Session& session) const override;
  bool may_strike(const Session&) const override { return true; }
  bool is_seen(const Session& session) const override;
  std::size_t value_end(std::string_view reply) const override;

  std::string handshake_reply(Session& session);
  std::string honest_reply(u32 database, const std::string& name,
                           std::vector<std::string> arguments);
  std::string made_up_reply(const std::string& name, std::size_t keys, u32 token);
  std::string made_up_value(u32 token);
  std::string made_up_nested(u32 token, u32 depth);

  RedisOracle& oracle_;
  ToyStore store_;
};

}  // namespace ringfold::sim
