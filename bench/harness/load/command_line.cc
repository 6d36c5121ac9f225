#include "load/command_line.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "load/exit_codes.h"

namespace ringfold::load {
namespace {

constexpr const char* kHead =
    "Drives Redis or memcached traffic at a server or proxy and checks every reply.\n\n"
    "Closed loop: each connection has --pipeline requests under way; a reply brings the next.\n"
    "Open loop (--rate): requests are due by a schedule that no slow reply changes, and their\n"
    "latency counts from the time they were due.";

constexpr const char* kFoot =
    "Examples:\n"
    "  ringfold-bench load -p 6379 --fill --mix get:9,set:1 --seconds 30\n"
    "  ringfold-bench load -p 6379 --rate 20000 --seconds 60 --hdr latency.hdr\n"
    "  ringfold-bench load --protocol memcached unix:/run/mc.sock --mix get:5,mget10:1,set:1\n"
    "  ringfold-bench load -p 6379 -t set,get,lpush -n 1000000 -P 16 -q\n"
    "  ringfold-bench load -p 6379 --command 'ZADD board 1 {key}' --distribution zipf:1.1\n\n"
    "Exit codes: 0 every reply was right; 2 bad usage; 3 could not start (no connection, a file\n"
    "that cannot be written); 4 replies were wrong, errors, lost or missing.\n"
    "What the numbers mean: bench/README.md.";

void add_target(CLI::App& app, CommandLine& line) {
  auto* group = app.add_option_group("Where");
  group->add_option("ADDRESS", line.target, "HOST:PORT, [HOST]:PORT or unix:PATH");
  group->add_option("-h,--host,--server", line.host, "host (127.0.0.1)")->type_name("HOST");
  group->add_option("-p,--port", line.port, "port (6379; memcached 11211)")->type_name("PORT");
  group->add_option("-s,-S,--socket,--unix-socket", line.socket, "unix socket")->type_name("PATH");
  group->add_option("--protocol", line.protocol, "redis or memcached (redis)")->type_name("NAME");
  group->add_option("-a,--password", line.password, "AUTH with this")->type_name("PASSWORD");
  group
      ->add_option("--authenticate", line.credentials,
                   "AUTH with [USER:]PASSWORD, as in memtier_benchmark")
      ->type_name("TEXT");
  group->add_option("--user", line.user, "AUTH as this user")->type_name("NAME");
  group->add_option("--dbnum,--select-db", line.database, "SELECT this database")->type_name("N");
  group->add_option("--io", line.io, "auto, uring or epoll (auto)")->type_name("NAME");
}

void add_shape(CLI::App& app, CommandLine& line) {
  auto* group = app.add_option_group("How much at once");
  group->add_option("-c,--connections", line.connections, "connections of all threads (50)")
      ->type_name("N");
  group
      ->add_option("--clients", line.clients, "connections of each thread, as in memtier_benchmark")
      ->type_name("N");
  group->add_option("--threads", line.threads, "threads, one ring each (1)")->type_name("N");
  group
      ->add_option("-P,--pipeline", line.pipeline,
                   "requests under way on a connection, at most (1; open loop: 1024)")
      ->type_name("N");
  group->add_option("--rate", line.rate, "open loop: requests a second of all connections")
      ->type_name("R");
  group
      ->add_option("--rate-limiting", line.rate_limiting,
                   "open loop: requests a second of each connection, as in memtier_benchmark")
      ->type_name("R");
  group->add_option("--arrivals", line.arrivals, "open loop: poisson or even (poisson)")
      ->type_name("NAME");
}

void add_traffic(CLI::App& app, CommandLine& line) {
  auto* group = app.add_option_group("What is asked");
  group
      ->add_option("--mix", line.mix,
                   "commands and weights of get, set, mgetK, incr, del "
                   "(get:9,set:1)")
      ->type_name("LIST");
  group->add_option("--ratio", line.ratio, "SET:GET, as in memtier_benchmark")->type_name("S:G");
  group->add_option("--command", line.commands, "any command, with {key} and {value}; repeatable")
      ->allow_extra_args(false)
      ->type_name("TEXT");
  group
      ->add_option("--command-ratio", line.command_ratios,
                   "weight of the --command at the same place (1)")
      ->allow_extra_args(false)
      ->type_name("N");
  group
      ->add_option("-t,--tests", line.tests,
                   "redis-benchmark's tests, one after another, each "
                   "-n 100000 unless told otherwise")
      ->type_name("LIST");
  group->add_option("--replay", line.replay, "commands of this file, one a line (plain or MONITOR)")
      ->type_name("FILE");
  group->add_option("-r,--keyspace,--key-maximum", line.keyspace, "number of keys (100000)")
      ->type_name("N");
  group->add_option("--key-prefix", line.key_prefix, "in front of a key's 12 digits (load:)")
      ->type_name("TEXT");
  group
      ->add_option("--distribution", line.distribution,
                   "uniform, zipf[:S], gaussian[:SIGMA] or sequential (uniform)")
      ->type_name("NAME");
  group
      ->add_option("--key-pattern", line.key_pattern,
                   "R:R, G:G, S:S or Z:Z, as in memtier_benchmark")
      ->type_name("P:P");
  group
      ->add_option("-d,--size,--data-size,--data-size-range,--data-size-list", line.size,
                   "bytes of a value: 32, 16-1024 or 32:70,1024:25 (32)")
      ->type_name("SIZE");
  group
      ->add_option("--hit-ratio", line.hit_ratio,
                   "share of the keys read that lie in the key space (1)")
      ->type_name("0..1");
  group->add_flag("--fill", line.fill, "first write every key of the key space");
  group->add_flag("--allow-misses", line.allow_misses,
                  "a key that is missing in spite of --fill or --hit-ratio is no fault");
  group->add_option("--seed", line.seed, "of the choices (1)")->type_name("N");
  group->add_option("--value-seed", line.value_seed, "of the values (1)")->type_name("N");
}

void add_length(CLI::App& app, CommandLine& line) {
  auto* group = app.add_option_group("How long");
  group->add_option("--seconds,--test-time", line.seconds, "measured time (10)")->type_name("S");
  group->add_option("-n,--requests", line.requests, "requests of all connections")->type_name("N");
  group->add_option("--warm-up", line.warm_up, "seconds in front that are not measured (0)")
      ->type_name("S");
}

void add_output(CLI::App& app, CommandLine& line) {
  auto* group = app.add_option_group("Output");
  group->add_flag("-q,--quiet", line.quiet, "one line a run");
  group->add_option("--json,--json-out-file", line.json, "all numbers")->type_name("FILE");
  group->add_option("--hdr", line.hdr, "percentiles, for HdrHistogram's plotters")
      ->type_name("FILE");
  group->add_option("--csv", line.csv, "a row for every second")->type_name("FILE");
}

}  // namespace

// The library speaks through exceptions; none of them leaves this function.
tl::expected<CommandLine, EarlyEnd> parse_command_line(int argument_count,
                                                       const char* const* arguments) {
  CommandLine line;
  CLI::App app(kHead, "ringfold-bench load");
  app.footer(kFoot);
  app.set_help_flag("--help", "this text");
  add_target(app, line);
  add_shape(app, line);
  add_traffic(app, line);
  add_length(app, line);
  add_output(app, line);
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::CallForHelp&) {
    return tl::unexpected(EarlyEnd{kGood, app.help()});
  } catch (const CLI::ParseError& error) {
    std::string what = error.what();
    while (what.ends_with('\n') || what.ends_with('.')) what.pop_back();
    return tl::unexpected(EarlyEnd{kBadUsage, what});
  }
  return line;
}

}  // namespace ringfold::load
