// Sizes and values: they hang on the key alone, differ between keys, and no changed byte passes.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>

#include "load/sizes.h"
#include "load/values.h"
#include "ringfold/base/prng.h"

namespace ringfold::load {
namespace {

Values values_of(const char* sizes, u64 seed = 0) {
  return Values(*Sizes::parse(sizes), seed);
}

TEST_CASE("a range has each of its sizes equally often") {
  const Values values = values_of("16-25");
  std::map<u32, u32> seen;
  for (u64 key = 0; key < 100'000; ++key) ++seen[values.size_of(key)];
  CHECK(seen.size() == 10);
  for (const auto& [size, count] : seen) {
    CHECK(size >= 16);
    CHECK(size <= 25);
    CHECK(count == doctest::Approx(10'000).epsilon(0.05));
  }
}

TEST_CASE("weights are shares of the keys") {
  const Values values = values_of("32:70,1024:25,65536-65540:5");
  u32 small = 0;
  u32 middle = 0;
  u32 large = 0;
  for (u64 key = 0; key < 100'000; ++key) {
    const u32 size = values.size_of(key);
    small += size == 32;
    middle += size == 1024;
    large += size >= 65536 && size <= 65540;
  }
  CHECK(small == doctest::Approx(70'000).epsilon(0.02));
  CHECK(middle == doctest::Approx(25'000).epsilon(0.03));
  CHECK(large == doctest::Approx(5'000).epsilon(0.08));
  CHECK(small + middle + large == 100'000);
}

TEST_CASE("texts that are no sizes") {
  CHECK(Sizes::parse("0"));
  CHECK(Sizes::parse("536870912"));
  for (const char* bad : {"", "x", "-1", "5-", "9-5", "1:0", "1:x", "1,", "536870913", "1 "}) {
    CAPTURE(bad);
    CHECK(!Sizes::parse(bad));
  }
}

TEST_CASE("a value matches its own key at its own size, and nothing else") {
  Prng prng(3);
  for (const u32 size : {1u, 7u, 8u, 9u, 32u, 1000u, 65535u, 65536u, 65544u, 65545u, 200'000u}) {
    CAPTURE(size);
    const Values values = values_of(std::to_string(size).c_str());
    for (int i = 0; i < 20; ++i) {
      const u64 key = prng.below(1'000'000'000'000);
      std::string value = value_text(values, key);
      REQUIRE(value.size() == size);
      REQUIRE(values.matches(value.data(), size, key));
      // Any one byte changed.
      const std::size_t at = prng.below(size);
      value[at] = static_cast<char>(value[at] ^ static_cast<char>(1 + prng.below(255)));
      REQUIRE(!values.matches(value.data(), size, key));
    }
  }
}

TEST_CASE("of eight bytes on, no two keys have the same value") {
  const Values values = values_of("8");
  std::set<std::string> seen;
  for (u64 key = 0; key < 100'000; ++key) seen.insert(value_text(values, key));
  for (u64 key = 999'999'900'000; key < 1'000'000'000'000; ++key) {
    seen.insert(value_text(values, key));
  }
  CHECK(seen.size() == 200'000);
}

TEST_CASE("values are printable and hang on the seed") {
  const Values first = values_of("500");
  const Values second = values_of("500", 1);
  const std::string value = value_text(first, 12345);
  for (const char character : value) {
    REQUIRE(character >= '0');
    REQUIRE(character <= 'O');
  }
  CHECK(value == value_text(values_of("500"), 12345));
  CHECK(value != value_text(second, 12345));
}

}  // namespace
}  // namespace ringfold::load
