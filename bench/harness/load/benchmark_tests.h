// The tests of redis-benchmark's -t, by its names.
#pragma once

#include <string_view>
#include <vector>

#include "ringfold/base/error.h"

namespace ringfold::load {

struct BenchmarkTest {
  std::string_view name;     // as -t has it
  std::string_view command;  // a template of command_template.h
};

// "set,get" or "lrange" (all of them). Tests that read a list come behind one that fills it.
[[nodiscard]] Expected<std::vector<BenchmarkTest>> find_tests(std::string_view list);

}  // namespace ringfold::load
