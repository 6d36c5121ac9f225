// Snapshot: what all workers share and nobody changes: the configuration with its addresses
// resolved.
#pragma once

#include <vector>

#include "ringfold/config.h"
#include "ringfold/io/address.h"

namespace ringfold {

struct PoolAddresses {
  std::vector<Address> listen;  // one for each PoolConfig::listen
  std::vector<Address>
      servers;  // one for each PoolConfig::servers; unresolved() when the name has no address
};

struct Snapshot {
  Config config;
  std::vector<PoolAddresses> addresses;  // one for each pool
};

}  // namespace ringfold
