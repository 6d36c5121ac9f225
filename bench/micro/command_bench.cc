// From a command's name to its row. The names come in an order which the branch predictor cannot
// know, each as often as the others, unless the bench says otherwise.
// Run: build/bench/micro/command_bench
#include <benchmark/benchmark.h>

#include <cctype>
#include <string>
#include <vector>

#include "ringfold/base/prng.h"
#include "ringfold/proto/command.h"
#include "ringfold/proto/memcached.h"

namespace {

using namespace ringfold;

constexpr std::size_t kNames = 4096;

std::vector<std::string> shuffled(const std::vector<std::string>& names) {
  Prng prng(1);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kNames; ++i) out.push_back(names[prng.below(names.size())]);
  return out;
}

std::string upper(std::string name) {
  for (char& letter : name) letter = static_cast<char>(std::toupper(letter));
  return name;
}

std::vector<std::string> redis_names() {
  std::vector<std::string> names;
  for (const CommandSpec& spec : resp::command_table()) {
    if (spec.name.find('|') == std::string_view::npos) names.emplace_back(spec.name);
  }
  return names;
}

std::vector<std::string> upper_redis_names() {
  std::vector<std::string> names = redis_names();
  for (std::string& name : names) name = upper(name);
  return names;
}

std::vector<std::string> memcached_names() {
  std::vector<std::string> names;
  for (const memcached::CommandRow& row : memcached::command_table()) names.emplace_back(row.name);
  return names;
}

template <class Find>
void look_up(benchmark::State& state, const std::vector<std::string>& from, Find find) {
  const std::vector<std::string> names = shuffled(from);
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(find(names[next]));
    next = (next + 1) % kNames;
  }
}

void redis_lookup(benchmark::State& state, const std::vector<std::string>& names) {
  look_up(state, names, [](std::string_view name) { return resp::find_command(name); });
}

void memcached_lookup(benchmark::State& state, const std::vector<std::string>& names) {
  look_up(state, names, [](std::string_view name) { return memcached::find_command(name); });
}

void redis_subcommand(benchmark::State& state) {
  const CommandSpec* container = resp::find_command("object");
  look_up(state, {"encoding", "FREQ", "idletime", "REFCOUNT"},
          [container](std::string_view name) { return resp::find_subcommand(*container, name); });
}

BENCHMARK_CAPTURE(redis_lookup, get, {"GET"});
BENCHMARK_CAPTURE(redis_lookup, get_and_set, {"GET", "set", "get", "SET"});
BENCHMARK_CAPTURE(redis_lookup, all, redis_names());
BENCHMARK_CAPTURE(redis_lookup, all_upper_case, upper_redis_names());
BENCHMARK_CAPTURE(redis_lookup, unknown, {"nonsense", "gett", "x", "averylongnameofnocommand"});
BENCHMARK(redis_subcommand);
BENCHMARK_CAPTURE(memcached_lookup, get, {"get"});
BENCHMARK_CAPTURE(memcached_lookup, all, memcached_names());
BENCHMARK_CAPTURE(memcached_lookup, unknown, {"nonsense", "gett", "GET", "x"});

}  // namespace

BENCHMARK_MAIN();
