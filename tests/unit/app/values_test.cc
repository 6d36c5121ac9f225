// The nearest known word, and how sizes are written.
#include <doctest/doctest.h>

#include "app/config_values.h"

namespace ringfold {
namespace {

TEST_CASE("the edit distance counts insertions, deletions, replacements and swaps") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("hash", "hash") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("hsah", "hash") == 1);
  CHECK(edit_distance("treads", "threads") == 1);
  CHECK(edit_distance("threeads", "threads") == 1);
  CHECK(edit_distance("thready", "threads") == 1);
  CHECK(edit_distance("ca", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("the nearest word is the one with the fewest changes") {
  const std::string_view words[] = {"hash", "hash_tag", "timeout_ms", "connect_timeout_ms"};
  CHECK(nearest_word("hsah", words) == "hash");
  CHECK(nearest_word("hashtag", words) == "hash_tag");
  CHECK(nearest_word("timeout", words) == "timeout_ms");
  CHECK(nearest_word("conect_timeout", words) == "connect_timeout_ms");
  const std::string_view twins[] = {"fnv1_64", "fnv1a_64"};
  CHECK(nearest_word("fnv1a64", twins) == "fnv1a_64");
}

TEST_CASE("sizes are written in the largest unit that divides them") {
  CHECK(format_size(0) == "0 bytes");
  CHECK(format_size(1023) == "1023 bytes");
  CHECK(format_size(16_KiB) == "16KiB");
  CHECK(format_size(3_MiB) == "3MiB");
  CHECK(format_size(1_GiB) == "1GiB");
}

}  // namespace
}  // namespace ringfold
