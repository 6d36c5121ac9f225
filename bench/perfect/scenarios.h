// The traffic of the tick bench and of the instruction count, by name.
#pragma once

#include <string>
#include <vector>

#include "round.h"

namespace ringfold::perfect {

struct Scenario {
  std::string name;  // "redis_get/pipeline:16"
  RoundOptions options;
};

std::vector<Scenario> all_scenarios();

}  // namespace ringfold::perfect
