// Fuzz target: the memcached request parser and what it forwards against their oracle. The first
// two bytes of an input say how the rest is fed; seeds are plain requests behind two such bytes.
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
  const Fill fill = kFills[data[0] % std::size(kFills)];
  // Half of the inputs meet a limit they may or may not fit.
  const u64 max_size = data[0] >= 128 ? u64{data[0]} - 128 : u64{1} << 30;
  Prng prng(data[1]);
  expect_nothing(memcached::testing::check_request(in, max_size, {}, fill));
  expect_nothing(
      memcached::testing::check_request(in, max_size, random_cuts(prng, in.size()), fill));
  return 0;
}
