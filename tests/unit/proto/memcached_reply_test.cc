// The memcached reply scanner and the cursor over values against their oracle.
#include <doctest/doctest.h>
#include "memcached_check.h"
#include "memcached_generator.h"

using namespace ringfold;
using namespace ringfold::memcached;
using namespace ringfold::memcached::testing;

namespace {

constexpr ReplyShape kShapes[] = {ReplyShape::line, ReplyShape::values, ReplyShape::value,
                                  ReplyShape::meta, ReplyShape::stats};

}  // namespace

TEST_CASE("replies agree with the oracle at every cut, in every shape") {
  const std::string inputs[] = {
      "STORED\r\n",
      "STORED \r\n",
      "12\r\n",
      "12 \r\n",
      "18446744073709551615\r\nEND\r\n",
      "111111111111111111111\r\n",
      "END\r\n",
      "END\n",
      "END\rX",
      "HD\r\n",
      "HD c1 kfoo\r\n",
      "VA 3 c1\r\nabc\r\n",
      "VA 0\r\n\r\n",
      "VA 3\r\nabcd\r\n",
      "VA x\r\n",
      "VA\r\n",
      "VALUE a 0 3\r\nabc\r\nEND\r\n",
      "VALUE a 0 3 7\r\nabc\r\nVALUE b 0 0\r\n\r\nEND\r\n",
      "VALUE a 0 3 7 8\r\nabc\r\nEND\r\n",
      "VALUE a 0\r\n",
      "VALUE  a 0 1\r\nx\r\nEND\r\n",
      "VALUE a 0 18446744073709551617\r\nx\r\nEND\r\n",
      "VALUE a 0 0000000001\r\nx\r\nEND\r\n",
      "VALUE a 0 00000000001\r\nx\r\nEND\r\n",
      "VALUE a 0 2\r\nEND\r\nEND\r\n",
      "VALUE a 0 1\r\nx\r\nSERVER_ERROR out of memory\r\n",
      "STAT a b\r\nSTAT c d\r\nEND\r\n",
      "STAT a\nb\r\nEND\r\n",
      "ERROR\r\n",
      "CLIENT_ERROR bad\r\n",
      "RESET\r\n",
      "$5\r\n",
      "",
  };
  for (const std::string& in : inputs) {
    CAPTURE(in);
    CHECK(check_value_cursor(in) == "");
    for (const ReplyShape shape : kShapes) {
      for (const Fill fill : kFills) {
        const auto check = [&](const std::vector<std::size_t>& cuts) {
          return memcached::testing::check_reply(in, shape, cuts, fill);
        };
        CHECK(check_all_cuts(in.size(), check) == "");
      }
    }
  }
}

TEST_CASE("a held reply is taken apart into its blocks") {
  const std::string reply = "VALUE a 0 5\r\nEND\r\n\r\nVALUE bb 7 0 12\r\n\r\nEND\r\n";
  ValueCursor cursor(reply);
  std::string_view key;
  std::string_view raw;
  REQUIRE(cursor.next(key, raw));
  CHECK(key == "a");
  CHECK(raw == "VALUE a 0 5\r\nEND\r\n\r\n");
  REQUIRE(cursor.next(key, raw));
  CHECK(key == "bb");
  CHECK(raw == "VALUE bb 7 0 12\r\n\r\n");
  CHECK_FALSE(cursor.next(key, raw));
  CHECK(cursor.end_line() == "END\r\n");
}

TEST_CASE("errors are told from other replies") {
  for (const char* const error : {"ERROR\r\n", "ERROR text\r\n", "CLIENT_ERROR x\r\n",
                                  "SERVER_ERROR out of memory\r\n", "SERVER_ERROR \r\n"}) {
    CHECK(is_error(error));
  }
  for (const char* const other : {"ERRORS\r\n", "END\r\n", "EN\r\n", "STORED\r\n", "5\r\n", ""}) {
    CHECK_FALSE(is_error(other));
  }
}

TEST_CASE("random replies agree with the oracle, whole and in pieces, damaged or not") {
  Prng prng(20261124);
  int complete = 0;
  int invalid = 0;
  for (int i = 0; i < 120000; ++i) {
    const ReplyShape shape = random_shape(prng);
    std::string in = memcached::testing::random_reply(prng, shape);
    if (prng.chance(1, 2)) damage(prng, in);
    const std::vector<std::size_t> cuts = random_cuts(prng, in.size());
    std::string wrong = memcached::testing::check_reply(in, shape, cuts, kFills[prng.below(4)]);
    wrong += check_value_cursor(in);
    if (!wrong.empty()) FAIL("reply " << i << " " << in << ": " << wrong);
    const ParseStatus status = ReplyOracle(in, shape).read().status;
    complete += status == ParseStatus::complete ? 1 : 0;
    invalid += status == ParseStatus::invalid ? 1 : 0;
  }
  CHECK(complete > 50000);
  CHECK(invalid > 20000);
}
