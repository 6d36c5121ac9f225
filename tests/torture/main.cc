// torture_driver: hundreds of clients that know what each reply may be. torture.py starts it, and
// what it talks to; see there.
//
//   torture_driver --list-keys ...   prints its keys, so that their homes can be asked for
//   torture_driver ...               runs until told to stop; prints its summary as one line of
//                                    JSON; exits 1 after a violation
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>

#include "driver.h"

namespace {

using namespace ringfold::torture;

int run(const DriverOptions& options) {
  Driver driver(options);
  const bool good = driver.run();
  std::puts(driver.report().json().c_str());
  return good ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  CLI::App app("ringfold's torture driver");
  DriverOptions options;
  bool list_keys = false;
  app.add_option("--protocol", options.protocol)->check(CLI::IsMember({"redis", "memcached"}));
  app.add_option("--address", options.address, "of the proxy: 127.0.0.1:22121");
  app.add_option("--homes", options.homes, "file with a line KEY<TAB>SERVER for each key");
  app.add_option("--servers", options.servers, "names, as the proxy knows them")->delimiter(',');
  app.add_option("--seed", options.seed);
  app.add_option("--keys", options.keys)->check(CLI::Range(1000, 1'000'000));
  app.add_option("--connections", options.connections)->check(CLI::Range(1, 10'000));
  app.add_option("--depth", options.depth, "commands in a pipeline at most");
  app.add_option("--rate", options.rate, "commands a second at most");
  app.add_option("--deadline-ms", options.deadline_ms, "how long nothing may move");
  app.add_option("--aftermath-ms", options.aftermath_ms, "how long a fault may be felt");
  app.add_flag("--rehash", options.rehash, "keys may move between servers");
  app.add_flag("--polite", options.polite, "stay until all is answered");
  app.add_flag("--list-keys", list_keys);
  CLI11_PARSE(app, count, words);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    if (!list_keys) return run(options);
    const Model model(options.seed, options.keys, {}, false);
    for (std::uint32_t key = 0; key < model.key_count(); ++key) {
      std::puts(model.name(key).c_str());
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "torture_driver: %s\n", error.what());
    return 2;
  }
}
