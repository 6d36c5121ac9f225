// Fuzz target: the reply scanner and the reply cursor against their oracle. The first two bytes of
// an input say how the rest is fed; seeds are plain replies behind two such bytes.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "resp_check.h"
#include "resp_generator.h"

using namespace ringfold;
using namespace ringfold::resp::testing;

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
  const Fill fill = kFills[data[0] % std::size(kFills)];
  Prng prng(data[1]);
  expect_nothing(check_reply(in, {}, fill));
  expect_nothing(check_reply(in, random_cuts(prng, in.size()), fill));
  expect_nothing(check_reply_cursor(in));
  return 0;
}
