// Fuzz target: the memcached request parser and what it forwards against their oracle.
#include "memcached_check.h"
#include "parser_fuzz.h"

namespace ringfold::fuzz {

std::string check(const Input& input) {
  // Named in full: the arguments would find the twin for RESP as well.
  return memcached::testing::check_request(input.bytes, input.max_size(), {}, input.fill()) +
         memcached::testing::check_request(input.bytes, input.max_size(), input.cuts, input.fill());
}

}  // namespace ringfold::fuzz
