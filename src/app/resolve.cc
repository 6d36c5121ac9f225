#include "ringfold/config.h"
#include "ringfold/io/address.h"

namespace ringfold {

Expected<Address> resolve(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return unix_address(endpoint.unix_path);
  return resolve_address(endpoint.host, endpoint.port);
}

}  // namespace ringfold
