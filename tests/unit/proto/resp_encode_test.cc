#include <doctest/doctest.h>

#include <string>

#include "resp_oracle.h"
#include "ringfold/proto/resp.h"

using namespace ringfold;
using namespace ringfold::resp;
using namespace std::string_literals;

TEST_CASE("the encoders write the forms of the grammar") {
  std::string out;
  encode_number_line(out, ':', INT64_MIN);
  encode_number_line(out, ':', INT64_MAX);
  encode_number_line(out, '*', 3);
  encode_bulk(out, "");
  encode_bulk(out, "a\r\n\0b"s);
  encode_null_bulk(out);
  encode_simple(out, "OK");
  encode_error(out, "ERR no");
  CHECK(out ==
        ":-9223372036854775808\r\n:9223372036854775807\r\n*3\r\n$0\r\n\r\n"
        "$5\r\na\r\n\0b\r\n$-1\r\n+OK\r\n-ERR no\r\n"s);
}

TEST_CASE("an error stays one line whatever its text holds") {
  const std::string texts[] = {"", "\r", "\n", "\0"s, "a\r\n+OK\r\n", "\r\n\r\n", "x\0y"s, "end\r"};
  const std::string lines[] = {"-\r\n",         "- \r\n",    "- \r\n",   "- \r\n",
                               "-a  +OK  \r\n", "-    \r\n", "-x y\r\n", "-end \r\n"};
  for (std::size_t i = 0; i < std::size(texts); ++i) {
    std::string out;
    encode_error(out, texts[i]);
    CHECK(out == lines[i]);
    CHECK(resp::testing::ReplyOracle(out).read().size == out.size());
  }
}
