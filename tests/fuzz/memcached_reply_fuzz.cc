// Fuzz target: the memcached reply scanner and the cursor over values against their oracle. The
// first two bytes of an input say how the rest is fed and which shape is expected; seeds are plain
// replies behind two such bytes.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "memcached_check.h"
#include "memcached_generator.h"

using namespace ringfold;
using namespace ringfold::memcached::testing;

namespace {

void expect_nothing(const std::string& wrong) {
  if (wrong.empty()) return;
  std::fprintf(stderr, "%s\n", wrong.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string in(data + 2, data + size);
  const Fill fill = kFills[data[0] / 4 % std::size(kFills)];
  const auto shape = static_cast<memcached::ReplyShape>(data[0] % 5);
  Prng prng(data[1]);
  expect_nothing(check_reply(in, shape, {}, fill));
  expect_nothing(check_reply(in, shape, random_cuts(prng, in.size()), fill));
  expect_nothing(check_value_cursor(in));
  return 0;
}
