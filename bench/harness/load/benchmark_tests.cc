#include "load/benchmark_tests.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "load/texts.h"

namespace ringfold::load {
namespace {

// Names and commands: redis-benchmark of Redis 7.0.15, seen with MONITOR. Its ping_inline is the
// same PING in another spelling; all requests are arrays here.
constexpr auto kTests = std::to_array<BenchmarkTest>({
    {"ping", "PING"},
    {"ping_inline", "PING"},
    {"ping_mbulk", "PING"},
    {"set", "SET {key} {value}"},
    {"get", "GET {key}"},
    {"incr", "INCR counter:{key}"},
    {"lpush", "LPUSH mylist {value}"},
    {"rpush", "RPUSH mylist {value}"},
    {"lpop", "LPOP mylist"},
    {"rpop", "RPOP mylist"},
    {"sadd", "SADD myset element:{key}"},
    {"hset", "HSET myhash element:{key} {value}"},
    {"spop", "SPOP myset"},
    {"zadd", "ZADD myzset 0 element:{key}"},
    {"zpopmin", "ZPOPMIN myzset"},
    {"lrange_100", "LRANGE mylist 0 99"},
    {"lrange_300", "LRANGE mylist 0 299"},
    {"lrange_500", "LRANGE mylist 0 499"},
    {"lrange_600", "LRANGE mylist 0 599"},
    {"mset",
     "MSET {key} {value} {key} {value} {key} {value} {key} {value} {key} {value} "
     "{key} {value} {key} {value} {key} {value} {key} {value} {key} {value}"},
});

bool reads_list(const BenchmarkTest& test) {
  return test.name.starts_with("lrange_");
}

}  // namespace

Expected<std::vector<BenchmarkTest>> find_tests(std::string_view list) {
  std::vector<BenchmarkTest> found;
  for (const std::string_view name : split(list, ',')) {
    if (name == "lrange") {
      std::ranges::copy_if(kTests, std::back_inserter(found), reads_list);
      continue;
    }
    const auto* const test = std::ranges::find(kTests, name, &BenchmarkTest::name);
    if (test == kTests.end()) {
      std::string names;
      for (const BenchmarkTest& row : kTests) names += fmt::format(" {}", row.name);
      return fail(fmt::format("-t: no test is called \"{}\"; there are{}", name, names));
    }
    found.push_back(*test);
  }
  const auto first = std::ranges::find_if(found, reads_list);
  const bool is_filled = std::any_of(found.begin(), first, [](const BenchmarkTest& test) {
    return test.name == "lpush" || test.name == "rpush";
  });
  if (first != found.end() && !is_filled) {
    found.insert(first, {"lpush (for lrange)", "LPUSH mylist {value}"});
  }
  return found;
}

}  // namespace ringfold::load
