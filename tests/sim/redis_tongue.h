// RedisTongue: random clients that speak RESP, and now and then inline.
#pragma once

#include <string>
#include <vector>

#include "redis_oracle.h"
#include "tongue.h"

namespace ringfold::sim {

class RedisTongue final : public Tongue {
 public:
  RedisTongue(RedisOracle& oracle, Dice& dice, const CommandTraits& traits)
      : Tongue(dice, traits), oracle_(oracle) {}

  RandomCommand command(u32 client) override;
  RandomCommand probe(u32 client) override;
  RandomCommand barrier(u32 client) override;
  RandomCommand early(u32 client) override;
  RandomCommand login(u32 client, const std::string& password) override;
  RandomCommand last_word(u32 client, bool rude) override;
  toy::ScanResult scan_reply(std::string_view in) const override { return toy::scan_reply(in); }

 private:
  RandomCommand exact(u32 client, std::vector<std::string> arguments, std::string expected);

  RedisOracle& oracle_;
};

}  // namespace ringfold::sim
