// `ringfold route` without the process around it. That its answers are the proxy's own is for the
// hash layer's vectors and the end-to-end tests.
#include "app/route.h"

#include <doctest/doctest.h>

#include <cstdlib>

namespace ringfold {
namespace {

Config make_config(const std::string& distribution) {
  const auto config = parse_config(
      "[[pool]]\nname = \"main\"\nlisten = \"h:1\"\ndistribution = \"" + distribution +
          "\"\nhash_tag = \"{}\"\nservers = [\"h:1:1 a\", \"h:2:1 b\", \"/c:1\"]\n"
          "[[pool]]\nname = \"one\"\nlisten = \"h:2\"\nservers = [\"[::1]:3:1 only\"]\n",
      "f");
  REQUIRE(config);
  return *config;
}

struct Routed {
  Expected<void> status;
  std::string output;
};

Routed route(const Config& config, const RouteOptions& options, std::string input = "") {
  char* text = nullptr;
  std::size_t size = 0;
  // fmemopen takes no empty buffer; a stream of nothing is a stream whose end is reached.
  std::FILE* in =
      input.empty() ? std::fopen("/dev/null", "r") : ::fmemopen(input.data(), input.size(), "r");
  std::FILE* out = ::open_memstream(&text, &size);
  Routed routed;
  routed.status = run_route(config, options, in, out);
  std::fclose(in);
  std::fclose(out);
  routed.output = std::string(text, size);
  std::free(text);
  return routed;
}

TEST_CASE("a key is printed as given, with the name and the address of its server") {
  const Routed routed = route(make_config("ketama"), {"one", false, {"k", "", "two words"}});
  REQUIRE(routed.status);
  CHECK(routed.output == "k\tonly\t[::1]:3\n\tonly\t[::1]:3\ntwo words\tonly\t[::1]:3\n");
}

TEST_CASE("keys from arguments, from the input and in hex meet the same servers") {
  const Config config = make_config("ketama");
  std::vector<std::string> keys;
  std::string input;
  for (int i = 0; i < 1000; ++i) {
    keys.push_back("key" + std::to_string(i));
    input += keys.back() + "\n";
  }
  const Routed from_arguments = route(config, {"main", false, keys});
  REQUIRE(from_arguments.status);
  for (const std::string place : {"\ta\th:1\n", "\tb\th:2\n", "\t/c:\tunix:/c\n"}) {
    CHECK(from_arguments.output.find(place) != std::string::npos);
  }
  CHECK(route(config, {"main", false, {"-"}}, input).output == from_arguments.output);
  input.pop_back();  // the last line needs no line feed
  CHECK(route(config, {"main", false, {"-"}}, input).output == from_arguments.output);

  const std::string plain = route(config, {"main", false, {"key1"}}).output;
  const std::string hex = route(config, {"main", true, {"6b657931"}}).output;
  CHECK(hex.substr(hex.find('\t')) == plain.substr(plain.find('\t')));
  CHECK(hex.starts_with("6b657931\t"));
}

TEST_CASE("keys from the input may hold any byte but the line feed") {
  const Config config = make_config("modula");
  const std::string key("a\0b\t\xff\r", 6);
  const Routed routed = route(config, {"main", false, {"-"}}, key + "\n\n");
  REQUIRE(routed.status);
  CHECK(routed.output.starts_with(key + "\t"));
  const std::string hex = route(config, {"main", true, {"610062090ff0d"}}).output;
  CHECK(hex.empty());
  const Routed same = route(config, {"main", true, {"61006209ff0d"}});
  REQUIRE(same.status);
  const std::string place = same.output.substr(same.output.find('\t'));
  CHECK(routed.output.substr(key.size(), place.size()) == place);
}

TEST_CASE("hash tags count") {
  const Config config = make_config("ketama");
  const auto place = [&config](const std::string& key) {
    const std::string line = route(config, {"main", false, {key}}).output;
    return line.substr(key.size());
  };
  for (int i = 0; i < 100; ++i) CHECK(place("{tag}" + std::to_string(i)) == place("tag"));
}

TEST_CASE("what cannot be routed says why") {
  const Config config = make_config("random");
  CHECK(route(config, {"nosuch", false, {"k"}}).status.error().text ==
        "there is no pool \"nosuch\"; there is \"main\", \"one\"");
  CHECK(route(config, {"main", false, {"k"}}).status.error().text ==
        "pool \"main\" has distribution = \"random\": its keys have no fixed server");
  CHECK(route(config, {"one", true, {"6b", "xyz"}}).status.error().text ==
        "key \"xyz\" is not hex: an even number of digits 0-9, a-f, A-F");
  CHECK(!route(config, {"one", true, {"6b6"}}).status);
}

TEST_CASE("hex is read in both cases") {
  CHECK(parse_hex("00fFAb10") == std::string("\x00\xff\xab\x10", 4));
  CHECK(parse_hex("") == "");
  CHECK(!parse_hex("0"));
  CHECK(!parse_hex("0g"));
  CHECK(!parse_hex(" 0"));
}

}  // namespace
}  // namespace ringfold
