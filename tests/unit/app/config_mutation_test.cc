// Whatever is done to a configuration file, reading it ends in a configuration or in errors that
// stand in the file and in order. RINGFOLD_TEST_SEED replays a failure.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "ringfold/base/prng.h"
#include "ringfold/config.h"

namespace ringfold {
namespace {

constexpr const char* kFragments[] = {
    "\"",
    "'",
    "\"\"\"",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ",",
    "\n",
    "#",
    "\\",
    "\\u0000",
    ".",
    "-1",
    "1e99",
    "nan",
    "true",
    " ",
    "[[pool]]\n",
    "99999999999999999999",
    "\xff",
    "\xc3\xa9",
    "0x7f",
    "name",
    "servers",
    "unix:/",
    "[proxy]\n",
    "1979-05-27T07:32:00Z",
    "\0",
};

std::string mutate(std::string text, Prng& prng) {
  const u64 count = 1 + prng.below(6);
  for (u64 i = 0; i < count; ++i) {
    const std::size_t at = prng.below(text.size() + 1);
    const std::size_t length = std::min<std::size_t>(prng.below(24), text.size() - at);
    switch (prng.below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, kFragments[prng.below(std::size(kFragments))]);
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(prng.below(256));
        break;
      case 3: {
        const std::string piece = text.substr(at, prng.below(400));
        text.insert(prng.below(text.size() + 1), piece);
        break;
      }
      default:
        text.resize(std::max<std::size_t>(at, 1));
        break;
    }
  }
  return text;
}

void check_errors(const std::vector<ConfigError>& errors, const std::string& text) {
  REQUIRE(!errors.empty());
  const auto lines = static_cast<u32>(std::ranges::count(text, '\n') + 1);
  const auto place = [](const ConfigError& error) { return std::pair(error.line, error.column); };
  CHECK(std::ranges::is_sorted(errors, {}, place));
  for (const ConfigError& error : errors) {
    CHECK(error.line >= 1);
    CHECK(error.line <= lines);
    CHECK(error.column >= 1);
    CHECK(!error.message.empty());
    CHECK(error.message.find('\n') == std::string::npos);
  }
}

TEST_CASE("random mutations of the annotated sample never crash and never lose their place") {
  std::ifstream stream(std::string(RINGFOLD_CONFIGS) + "/annotated.toml");
  std::stringstream sample;
  sample << stream.rdbuf();
  const char* given = std::getenv("RINGFOLD_TEST_SEED");
  const u64 first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const u64 count = given != nullptr ? 1 : 4000;
  u64 good = 0;
  for (u64 seed = first; seed < first + count; ++seed) {
    INFO("RINGFOLD_TEST_SEED=", seed);
    Prng prng(seed);
    const std::string text = mutate(sample.str(), prng);
    const auto config = parse_config(text, "f");
    if (config) {
      good += 1;
      CHECK(!config->pools.empty());
    } else {
      check_errors(config.error(), text);
    }
  }
  // The mutations reach both outcomes; otherwise they test nothing.
  if (given == nullptr) {
    CHECK(good > 100);
    CHECK(good < 3900);
  }
}

}  // namespace
}  // namespace ringfold
