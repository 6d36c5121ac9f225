// From the words of the command line to what is to be done.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "app/endpoint.h"
#include "load/benchmark_tests.h"
#include "load/command_line.h"
#include "load/command_template.h"
#include "load/numbers.h"
#include "load/texts.h"
#include "ringfold/base/limits.h"

namespace ringfold::load {
namespace {

constexpr u32 kConnectionsMax = 1'000'000;
constexpr u32 kDepthMax = 1'000'000;
constexpr double kRateMax = 1e9;
constexpr double kSecondsMax = 1e6;
constexpr double kSecondsDefault = 10;
constexpr u64 kTestRequests = 100'000;  // redis-benchmark's own default
constexpr u32 kOpenLoopDepth = 1024;
constexpr const char* kMixDefault = "get:9,set:1";

using Check = Expected<void>;

Check set_target(const CommandLine& line, Plan& plan) {
  if (line.protocol == "memcached" || line.protocol == "memcache_text") {
    plan.protocol = Protocol::memcached;
  } else if (line.protocol != "redis" && line.protocol != "resp2") {
    return fail(fmt::format("--protocol {}: there are redis and memcached", line.protocol));
  }
  if (!line.target.empty()) {
    auto endpoint = parse_endpoint(line.target);
    if (!endpoint) return fail(endpoint.error().text);
    plan.target = *endpoint;
    return {};
  }
  if (!line.socket.empty()) {
    plan.target.unix_path = line.socket;
    return {};
  }
  plan.target.host = line.host;
  plan.target.port = line.port;
  if (line.port == 0) plan.target.port = plan.protocol == Protocol::redis ? 6379 : 11211;
  return {};
}

Check set_login(const CommandLine& line, Plan& plan) {
  plan.user = line.user;
  plan.password = line.password;
  plan.database = line.database;
  if (!line.credentials.empty()) {
    const std::size_t colon = line.credentials.find(':');
    plan.password = line.credentials.substr(colon == std::string::npos ? 0 : colon + 1);
    if (colon != std::string::npos) plan.user = line.credentials.substr(0, colon);
  }
  const bool asks = !plan.password.empty() || plan.database != 0;
  if (asks && plan.protocol == Protocol::memcached) {
    return fail("memcached's text protocol knows no password and no database");
  }
  if (!plan.user.empty() && plan.password.empty()) return fail("--user needs --password");
  return {};
}

Check set_shape(const CommandLine& line, Plan& plan) {
  plan.threads = line.threads;
  if (line.threads == 0 || line.threads > kThreadsMax) {
    return fail(fmt::format("--threads is a number from 1 to {}", kThreadsMax));
  }
  const u64 connections = line.clients != 0 ? u64{line.clients} * line.threads : line.connections;
  if (connections < line.threads || connections > kConnectionsMax) {
    return fail(fmt::format("{} connections for {} threads: at least one a thread, at most {}",
                            connections, line.threads, kConnectionsMax));
  }
  plan.connections = static_cast<u32>(connections);
  if (line.rate < 0 || line.rate_limiting < 0) return fail("a rate is above 0");
  plan.rate = line.rate > 0 ? line.rate : line.rate_limiting * static_cast<double>(connections);
  if (plan.rate > kRateMax) return fail(fmt::format("a rate above {} a second is none", kRateMax));
  plan.depth = line.pipeline != 0 ? line.pipeline : (plan.is_open_loop() ? kOpenLoopDepth : 1);
  if (plan.depth > kDepthMax) return fail(fmt::format("--pipeline is at most {}", kDepthMax));
  if (line.arrivals == "even") {
    plan.arrivals = Arrivals::even;
  } else if (line.arrivals != "poisson") {
    return fail(fmt::format("--arrivals {}: there are poisson and even", line.arrivals));
  }
  return {};
}

Check set_length(const CommandLine& line, Plan& plan) {
  if (line.seconds < 0 || line.warm_up < 0 || line.seconds > kSecondsMax ||
      line.warm_up > kSecondsMax) {
    return fail(fmt::format("a time is a number of seconds from 0 to {}", kSecondsMax));
  }
  plan.warm_up = line.warm_up;
  plan.seconds = line.seconds;
  plan.requests = line.requests;
  plan.seed = line.seed;
  if (plan.seconds > 0 || plan.requests != 0) return {};
  if (!line.tests.empty()) {
    plan.requests = kTestRequests;
  } else if (plan.replay != nullptr) {
    plan.requests = plan.replay->size();
  } else {
    plan.seconds = kSecondsDefault;
  }
  return {};
}

// memtier_benchmark's letters; both sides must agree, for there is one choice of keys here.
Expected<DistributionSpec> distribution_of(const CommandLine& line) {
  if (line.key_pattern.empty()) return parse_distribution(line.distribution);
  if (line.key_pattern == "R:R") return parse_distribution("uniform");
  if (line.key_pattern == "G:G") return parse_distribution("gaussian");
  if (line.key_pattern == "S:S") return parse_distribution("sequential");
  if (line.key_pattern == "Z:Z") return parse_distribution("zipf");
  return fail(fmt::format("--key-pattern {}: there are R:R, G:G, S:S and Z:Z", line.key_pattern));
}

Check set_keys(const CommandLine& line, Plan& plan) {
  plan.keyspace = line.keyspace;
  if (plan.keyspace == 0 || plan.keyspace > kKeyspaceMax) {
    return fail(fmt::format("--keyspace is a number from 1 to {}", kKeyspaceMax));
  }
  const auto distribution = distribution_of(line);
  if (!distribution) return fail(distribution.error().text);
  plan.distribution = *distribution;
  const auto sizes = Sizes::parse(line.size);
  if (!sizes) return fail(sizes.error().text);
  plan.values = std::make_shared<Values>(*sizes, line.value_seed);
  const bool is_plain =
      std::ranges::all_of(line.key_prefix, [](char c) { return c > ' ' && c < 127; });
  const std::size_t room = memcached::kKeyLengthMax - kKeyDigits - 8;  // "counter:"
  if (!is_plain || line.key_prefix.size() > room) {
    return fail(
        fmt::format("--key-prefix is at most {} printable characters without blanks", room));
  }
  if (line.hit_ratio > 1) return fail("--hit-ratio is a number from 0 to 1");
  if (line.hit_ratio >= 0) plan.hit_ratio = line.hit_ratio;
  return {};
}

// "1:10" is SET:GET.
Expected<std::string> mix_of_ratio(std::string_view ratio) {
  const std::size_t colon = ratio.find(':');
  const auto sets = parse_count(ratio.substr(0, colon));
  const auto gets =
      colon == std::string_view::npos ? std::nullopt : parse_count(ratio.substr(colon + 1));
  if (!sets || !gets) return fail(fmt::format("--ratio {}: SET:GET, as in 1:10", ratio));
  return fmt::format("set:{},get:{}", *sets, *gets);
}

Check add_mix(const CommandLine& line, Plan& plan) {
  std::string mix = line.mix;
  if (!line.ratio.empty()) {
    auto ratio = mix_of_ratio(line.ratio);
    if (!ratio) return fail(ratio.error().text);
    mix = *ratio;
  }
  if (mix.empty() && line.commands.empty()) mix = kMixDefault;
  if (!mix.empty()) {
    auto recipes = parse_mix(plan.protocol, mix, line.key_prefix);
    if (!recipes) return fail(recipes.error().text);
    plan.recipes = std::move(*recipes);
  }
  if (line.command_ratios.size() > line.commands.size()) {
    return fail("--command-ratio stands behind a --command");
  }
  for (std::size_t i = 0; i < line.commands.size(); ++i) {
    auto recipe = parse_template(plan.protocol, line.commands[i], line.key_prefix);
    if (!recipe) return fail(recipe.error().text);
    if (i < line.command_ratios.size()) recipe->weight = line.command_ratios[i];
    if (recipe->weight == 0) return fail("--command-ratio is a number above 0");
    plan.recipes.push_back(std::move(*recipe));
  }
  return {};
}

Check set_replay(const CommandLine& line, Plan& plan) {
  auto replay = Replay::load(line.replay, plan.protocol);
  if (!replay) return fail(replay.error().text);
  plan.replay = std::make_shared<Replay>(std::move(*replay));
  Recipe recipe;
  recipe.name = "replay";
  recipe.key_count = 1;  // the number of the line
  recipe.is_replay = true;
  plan.recipes.push_back(std::move(recipe));
  return {};
}

// What --fill writes, and whether a miss is a fault then.
Check set_fill(const CommandLine& line, Plan& plan) {
  const auto has = [&plan](std::string_view name) {
    return std::ranges::any_of(plan.recipes, [&](const Recipe& it) { return it.name == name; });
  };
  const bool promises = line.fill || line.hit_ratio >= 0;
  plan.misses_are_faults = promises && !line.allow_misses && !has("del");
  if (!line.fill) return {};
  auto values = builtin_recipe(plan.protocol, "set", line.key_prefix);
  if (!values) return fail(values.error().text);
  plan.fills.push_back(std::move(*values));
  if (has("incr")) plan.fills.push_back(counter_fill_recipe(plan.protocol, line.key_prefix));
  return {};
}

Check check_words(const CommandLine& line) {
  const int sources = (!line.mix.empty() || !line.ratio.empty() || !line.commands.empty()) +
                      !line.tests.empty() + !line.replay.empty();
  if (sources > 1) return fail("--mix and --command, -t, and --replay exclude each other");
  if (!line.mix.empty() && !line.ratio.empty()) return fail("--mix and --ratio exclude each other");
  if (line.rate > 0 && line.rate_limiting > 0) {
    return fail("--rate and --rate-limiting exclude each other");
  }
  if (!line.tests.empty() && line.protocol != "redis") return fail("-t is for Redis");
  if (line.io != "auto" && line.io != "uring" && line.io != "epoll") {
    return fail(fmt::format("--io {}: there are auto, uring and epoll", line.io));
  }
  if (!line.target.empty() && !line.socket.empty()) return fail("one address is enough");
  return {};
}

Expected<Plan> common_plan(const CommandLine& line) {
  Plan plan;
  using Step = Check (*)(const CommandLine&, Plan&);
  for (const Step step : {set_target, set_login, set_shape, set_keys}) {
    if (auto done = step(line, plan); !done) return fail(done.error().text);
  }
  if (!line.replay.empty()) {
    if (auto done = set_replay(line, plan); !done) return fail(done.error().text);
  } else if (line.tests.empty()) {
    if (auto done = add_mix(line, plan); !done) return fail(done.error().text);
  }
  for (const Step step : {set_fill, set_length}) {
    if (auto done = step(line, plan); !done) return fail(done.error().text);
  }
  return plan;
}

}  // namespace

Expected<std::vector<Plan>> make_plans(const CommandLine& line) {
  if (auto words = check_words(line); !words) return fail(words.error().text);
  auto plan = common_plan(line);
  if (!plan) return fail(plan.error().text);
  if (line.tests.empty()) return std::vector<Plan>{std::move(*plan)};
  const auto tests = find_tests(line.tests);
  if (!tests) return fail(tests.error().text);
  std::vector<Plan> plans;
  for (const BenchmarkTest& test : *tests) {
    Plan& added = plans.emplace_back(*plan);
    added.name = test.name;
    auto recipe = parse_template(plan->protocol, test.command, line.key_prefix);
    if (!recipe) return fail(recipe.error().text);
    recipe->name = test.name;
    added.recipes.push_back(std::move(*recipe));
    if (plans.size() > 1) added.fills.clear();
  }
  return plans;
}

}  // namespace ringfold::load
