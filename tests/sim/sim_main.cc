// sim: plays random worlds.
//
//   sim --seed N                one world; the same one every time
//   sim --seed N --worlds M     the worlds N, N+1, ..., N+M-1
//   sim --seed N --verbose      one world, telling everything that happens in it
//   sim --protocol redis        worlds of one protocol: redis, memcached; any: as the seed says
//   sim --see-all               fails when a die or a sight of the summary came up in no world
//   sim --sabotage KIND         with a fault that the oracle has to find: swap, twice, corrupt,
//                               lose_reply; exits 0 when every sabotaged world was reported
//
// Exits 1 when a world failed, after printing its seed, its settings and the end of its trace.
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

#include "random_world.h"

// Where an address sanitizer is linked in, it tells before it ends the program.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using namespace ringfold;
using namespace ringfold::sim;

volatile u64 current_seed = 0;
const char* protocol_option = "";  // what the command line said, to be repeated

void name_world() {
  std::fprintf(stderr, "\nin the world of: sim --seed %llu%s\n",
               static_cast<unsigned long long>(current_seed), protocol_option);
}

// An assertion of the product ends the program; say in which world.
void on_abort(int) {
  name_world();
  std::signal(SIGABRT, SIG_DFL);
}

struct CommandLine {
  u64 seed = 1;
  u64 worlds = 1;
  bool verbose = false;
  bool see_all = false;
  std::optional<Protocol> protocol;
  Sabotage sabotage = Sabotage::none;
};

bool parse_number(const char* text, u64& number) {
  if (text == nullptr) return false;
  const auto [end, code] = std::from_chars(text, text + std::strlen(text), number);
  return code == std::errc() && *end == '\0';
}

bool parse_sabotage(const char* text, Sabotage& sabotage) {
  const std::string_view name = text == nullptr ? "" : text;
  if (name == "swap") sabotage = Sabotage::swap;
  if (name == "twice") sabotage = Sabotage::twice;
  if (name == "corrupt") sabotage = Sabotage::corrupt;
  if (name == "lose_reply") sabotage = Sabotage::lose_reply;
  return sabotage != Sabotage::none;
}

bool parse_protocol(const char* text, std::optional<Protocol>& protocol) {
  const std::string_view name = text == nullptr ? "" : text;
  if (name == "redis") protocol = Protocol::redis;
  if (name == "memcached") protocol = Protocol::memcached;
  if (protocol) {
    protocol_option = *protocol == Protocol::redis ? " --protocol redis" : " --protocol memcached";
  }
  return name == "any" || protocol.has_value();
}

bool parse(int count, char** arguments, CommandLine& line) {
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    const char* value = i + 1 < count ? arguments[i + 1] : nullptr;
    bool good = true;
    if (name == "--verbose") {
      line.verbose = true;
      continue;
    }
    if (name == "--see-all") {
      line.see_all = true;
      continue;
    }
    if (name == "--seed") {
      good = parse_number(value, line.seed);
    } else if (name == "--worlds") {
      good = parse_number(value, line.worlds);
    } else if (name == "--protocol") {
      good = parse_protocol(value, line.protocol);
    } else if (name == "--sabotage") {
      good = parse_sabotage(value, line.sabotage);
    } else {
      good = false;
    }
    if (!good) {
      std::fprintf(stderr, "sim: cannot use %s %s\n", arguments[i], value == nullptr ? "" : value);
      return false;
    }
    ++i;
  }
  return true;
}

void print_failure(u64 seed, const WorldReport& report) {
  std::fprintf(stderr, "%s\nsim --seed %llu%s FAILED: %s\n%s\n", report.trace.c_str(),
               static_cast<unsigned long long>(seed), protocol_option, report.failure.c_str(),
               report.settings.c_str());
}

// In how many worlds each die came up and each sight was seen. False: one of them in none.
bool print_seen(const std::vector<u64>& seen) {
  bool all = true;
  std::printf("seen in so many worlds:");
  for (std::size_t i = 0; i < seen.size(); ++i) {
    std::printf("%s %s=%llu", i % 6 == 0 ? "\n " : "", name_of_seen(i),
                static_cast<unsigned long long>(seen[i]));
    all &= seen[i] != 0;
  }
  std::printf("\n");
  return all;
}

}  // namespace

int main(int count, char** arguments) {
  CommandLine line;
  if (!parse(count, arguments, line)) return 2;
  std::signal(SIGABRT, on_abort);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(name_world);
  const auto begin = std::chrono::steady_clock::now();
  WorldReport total;
  u64 struck = 0, caught = 0;
  std::vector<u64> seen;
  for (u64 seed = line.seed; seed < line.seed + line.worlds; ++seed) {
    current_seed = seed;
    WorldOptions options;
    options.seed = seed;
    options.protocol = line.protocol;
    options.sabotage = line.sabotage;
    options.trace_lines = line.verbose ? 1 : 0;
    options.print_trace = line.verbose;
    const WorldReport report = play_world(options);
    if (line.sabotage != Sabotage::none) {
      if (report.sabotaged != 0) {
        ++struck;
        if (!report.failure.empty()) {
          ++caught;
        } else {
          std::printf("seed %llu was not reported\n", static_cast<unsigned long long>(seed));
        }
      }
      if (line.worlds == 1 && !report.failure.empty()) print_failure(seed, report);
    } else if (!report.failure.empty()) {
      print_failure(seed, report);
      return 1;
    }
    total.replies += report.replies;
    total.errors += report.errors;
    total.executions += report.executions;
    total.virtual_time += report.virtual_time;
    seen.resize(report.seen.size());
    for (std::size_t i = 0; i < seen.size(); ++i) seen[i] += report.seen[i] ? 1 : 0;
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  std::printf(
      "%llu worlds, %llu replies (%llu errors), %llu commands executed, %.0f s of virtual "
      "time, in %.1f s (%.0f worlds/s)\n",
      static_cast<unsigned long long>(line.worlds), static_cast<unsigned long long>(total.replies),
      static_cast<unsigned long long>(total.errors),
      static_cast<unsigned long long>(total.executions),
      static_cast<double>(total.virtual_time) / 1e9, taken.count(),
      static_cast<double>(line.worlds) / taken.count());
  if (line.worlds > 1 && line.sabotage == Sabotage::none && !print_seen(seen) && line.see_all) {
    std::fprintf(stderr, "sim: something was seen in no world\n");
    return 1;
  }
  if (line.sabotage == Sabotage::none) return 0;
  std::printf("sabotage struck %llu worlds, the oracle reported %llu of them\n",
              static_cast<unsigned long long>(struck), static_cast<unsigned long long>(caught));
  return struck != 0 && caught == struck ? 0 : 1;
}
