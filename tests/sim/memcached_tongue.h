// MemcachedTongue: random clients that speak memcached's text protocol, classic and meta.
#pragma once

#include <string>
#include <vector>

#include "memcached_oracle.h"
#include "tongue.h"

namespace ringfold::sim {

class MemcachedTongue final : public Tongue {
 public:
  MemcachedTongue(MemcachedOracle& oracle, Dice& dice, const CommandTraits& traits)
      : Tongue(dice, traits), oracle_(oracle) {}

  RandomCommand command(u32 client) override;
  RandomCommand probe(u32 client) override;
  RandomCommand barrier(u32 client) override;
  RandomCommand early(u32 client) override { return barrier(client); }
  RandomCommand login(u32 client, const std::string&) override { return barrier(client); }
  RandomCommand last_word(u32 client, bool rude) override;
  toy::ScanResult scan_reply(std::string_view in) const override;

 private:
  MemcachedOracle& oracle_;
};

}  // namespace ringfold::sim
