// Fuzz target: the reply scanner and the reply cursor against their oracle.
#include "parser_fuzz.h"
#include "resp_check.h"

namespace ringfold::fuzz {

using namespace resp::testing;

std::string check(const Input& input) {
  return check_reply(input.bytes, {}, input.fill()) +
         check_reply(input.bytes, input.cuts, input.fill()) + check_reply_cursor(input.bytes);
}

}  // namespace ringfold::fuzz
