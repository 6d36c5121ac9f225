// The command line of `ringfold-bench backend`.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "backend/sabotage.h"
#include "backend/service_time.h"
#include "load/sizes.h"
#include "ringfold/base/ints.h"
#include "ringfold/config.h"

namespace ringfold::backend {

struct BackendOptions {
  Protocol protocol = Protocol::redis;
  std::vector<Endpoint> listen;  // port 0: any free one
  u32 threads = 1;
  IoKind io = IoKind::automatic;
  load::Sizes sizes;
  double hit_ratio = 1;
  ServiceTime service_time;
  SabotageShares sabotage;
  double rate_cap = 0;  // requests a second, all threads together; 0: none
  u64 value_seed = 1;
  u64 seed = 1;
};

// The program is to end now: what to print (on stdout when the code is 0, else on stderr).
struct EarlyEnd {
  int code = 0;
  std::string text;
};

// arguments: behind the word "backend", which is the first of them.
[[nodiscard]] tl::expected<BackendOptions, EarlyEnd> parse_backend_options(
    int argument_count, const char* const* arguments);

}  // namespace ringfold::backend
