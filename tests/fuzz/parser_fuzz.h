// The frame of the fuzz targets of parsers, each of which is held against its oracle. The first two
// bytes of an input say how the rest is fed; seeds are plain requests or replies behind two such
// bytes.
#pragma once

#include <string>
#include <vector>

#include "resp_check.h"
#include "ringfold/base/ints.h"

namespace ringfold::fuzz {

struct Input {
  std::string bytes;              // what the parser is fed
  std::vector<std::size_t> cuts;  // ascending places at which they are cut for a second run
  u8 way = 0;                     // how they are fed: what follows, or what the target makes of it

  // What lies behind the bytes that count.
  resp::testing::Fill fill() const;
  // The largest request, bytes: half of the inputs meet a limit they may or may not fit.
  u64 max_size() const;
};

// Every target has its own: what is wrong with its parsers on this input, or nothing.
std::string check(const Input& input);

}  // namespace ringfold::fuzz
