#include "parser_fuzz.h"

#include <cstdio>
#include <cstdlib>

#include "resp_generator.h"

namespace ringfold::fuzz {

resp::testing::Fill Input::fill() const {
  return resp::testing::kFills[way % std::size(resp::testing::kFills)];
}

u64 Input::max_size() const {
  return way >= 128 ? u64{way} - 128 : u64{1} << 30;
}

}  // namespace ringfold::fuzz

extern "C" int LLVMFuzzerTestOneInput(const ringfold::u8* data, std::size_t size) {
  if (size < 2) return 0;
  ringfold::fuzz::Input input;
  input.bytes.assign(data + 2, data + size);
  input.way = data[0];
  ringfold::Prng prng(data[1]);
  input.cuts = ringfold::resp::testing::random_cuts(prng, input.bytes.size());
  const std::string wrong = ringfold::fuzz::check(input);
  if (wrong.empty()) return 0;
  std::fprintf(stderr, "%s\n", wrong.c_str());
  std::abort();
}
