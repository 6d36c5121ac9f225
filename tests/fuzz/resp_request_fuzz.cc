// Fuzz target: the request parser and the inline parser against their oracles.
#include "parser_fuzz.h"
#include "resp_check.h"

namespace ringfold::fuzz {

using namespace resp::testing;

std::string check(const Input& input) {
  return check_request(input.bytes, input.max_size(), {}, input.fill()) +
         check_request(input.bytes, input.max_size(), input.cuts, input.fill()) +
         check_inline(input.bytes);
}

}  // namespace ringfold::fuzz
