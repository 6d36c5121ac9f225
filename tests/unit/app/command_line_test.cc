// The command line.
#include "app/command_line.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

namespace ringfold {
namespace {

using Action = CommandLine::Action;

tl::expected<CommandLine, EarlyEnd> parse(std::initializer_list<const char*> words) {
  std::vector<const char*> arguments{"ringfold"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

TEST_CASE("without arguments the embedded default runs") {
  const auto line = parse({});
  REQUIRE(line);
  CHECK(line->action == Action::run);
  CHECK(line->config_path.empty());
}

TEST_CASE("the configuration file is named by -c or --config") {
  for (const char* option : {"-c", "--config"}) {
    const auto line = parse({option, "a.toml"});
    REQUIRE(line);
    CHECK(line->action == Action::run);
    CHECK(line->config_path == "a.toml");
  }
}

TEST_CASE("-t tests a file, in any order") {
  for (const auto& line :
       {parse({"-t", "-c", "f"}), parse({"-c", "f", "--test-conf"}), parse({"-tc", "f"})}) {
    REQUIRE(line);
    CHECK(line->action == Action::test_config);
    CHECK(line->config_path == "f");
  }
}

TEST_CASE("--connect goes with -t") {
  const auto line = parse({"-t", "--connect", "-c", "f"});
  REQUIRE(line);
  CHECK(line->tries_servers);
  CHECK(!parse({"-t", "-c", "f"})->tries_servers);
}

TEST_CASE("migrate takes a file of twemproxy's, and --prove") {
  const auto line = parse({"migrate", "n.yml"});
  REQUIRE(line);
  CHECK(line->action == Action::migrate);
  CHECK(line->migrate.path == "n.yml");
  CHECK(!line->migrate.is_proof);
  for (const auto& proof :
       {parse({"migrate", "--prove", "n"}), parse({"migrate", "n", "--prove"})}) {
    REQUIRE(proof);
    CHECK(proof->migrate.is_proof);
  }
  CHECK(!parse({"migrate"}));
  CHECK(!parse({"migrate", "a", "b"}));
}

TEST_CASE("diff takes two files and perhaps a pool") {
  const auto line = parse({"diff", "a.toml", "b.toml", "--pool", "p"});
  REQUIRE(line);
  CHECK(line->action == Action::diff);
  CHECK(line->diff.before == "a.toml");
  CHECK(line->diff.after == "b.toml");
  CHECK(line->diff.pool == "p");
  CHECK(!parse({"diff", "a.toml"}));
  CHECK(!parse({"diff", "a", "b", "c"}));
}

TEST_CASE("-V asks for the version") {
  for (const auto& line : {parse({"-V"}), parse({"--version"})}) {
    REQUIRE(line);
    CHECK(line->action == Action::version);
  }
}

TEST_CASE("-h is help on stdout and exit code 0") {
  for (const auto& line : {parse({"-h"}), parse({"--help"})}) {
    REQUIRE(!line);
    CHECK(line.error().code == 0);
    for (const char* word : {"--config", "--test-conf", "--version", "route", "SIGUSR1"}) {
      CHECK(line.error().text.find(word) != std::string::npos);
    }
  }
  const auto route = parse({"route", "-h"});
  REQUIRE(!route);
  CHECK(route.error().code == 0);
  for (const char* word : {"--pool", "--hex", "KEY"}) {
    CHECK(route.error().text.find(word) != std::string::npos);
  }
}

TEST_CASE("route takes a pool and keys, which may look like anything") {
  const auto line =
      parse({"route", "-c", "f", "--pool", "p", "--hex", "a", "", "two words", "--", "-x", "--y"});
  REQUIRE(line);
  CHECK(line->action == Action::route);
  CHECK(line->config_path == "f");
  CHECK(line->route.pool == "p");
  CHECK(line->route.is_hex);
  CHECK(line->route.keys == std::vector<std::string>{"a", "", "two words", "-x", "--y"});

  const auto behind_mark = parse({"route", "--pool", "p", "--", "-x", "--"});
  REQUIRE(behind_mark);
  CHECK(behind_mark->route.keys == std::vector<std::string>{"-x", "--"});

  const auto from_input = parse({"-c", "f", "route", "--pool", "p", "-"});
  REQUIRE(from_input);
  CHECK(from_input->config_path == "f");
  CHECK(from_input->route.keys == std::vector<std::string>{"-"});
}

TEST_CASE("bad usage is one line and exit code 2") {
  const std::initializer_list<const char*> cases[] = {
      {"--nosuch"},
      {"-c"},
      {"nosuch"},
      {"-t"},
      {"-t", "extra"},
      {"--connect", "-c", "f"},
      {"diff", "a", "b", "--connect"},
      {"--", "x"},
      {"migrate"},
      {"-c", "f", "x"},
      {"route"},
      {"route", "k"},
      {"route", "--pool"},
      {"route", "--pool", "p"},
      {"-c", "a", "-c", "b"},
  };
  for (const auto& words : cases) {
    INFO(*words.begin());
    const auto line = parse(words);
    REQUIRE(!line);
    CHECK(line.error().code == 2);
    CHECK(line.error().text.starts_with("ringfold: "));
    CHECK(line.error().text.find('\n') == line.error().text.size() - 1);
  }
}

}  // namespace
}  // namespace ringfold
