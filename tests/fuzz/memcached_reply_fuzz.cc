// Fuzz target: the memcached reply scanner and the cursor over values against their oracle. The way
// to feed an input is five times the fill and the shape that is expected.
#include "memcached_check.h"
#include "parser_fuzz.h"

namespace ringfold::fuzz {

using namespace memcached::testing;

std::string check(const Input& input) {
  const auto shape = static_cast<memcached::ReplyShape>(input.way % 5);
  const Fill fill = kFills[input.way / 5 % std::size(kFills)];
  return check_reply(input.bytes, shape, {}, fill) +
         check_reply(input.bytes, shape, input.cuts, fill) + check_value_cursor(input.bytes);
}

}  // namespace ringfold::fuzz
