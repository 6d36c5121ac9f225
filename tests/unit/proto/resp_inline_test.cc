#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "resp_check.h"
#include "resp_generator.h"
#include "ringfold/base/limits.h"
#include "ringfold/proto/resp.h"

using namespace ringfold;
using namespace ringfold::resp::testing;
using namespace std::string_literals;

namespace {

struct Parsed {
  resp::InlineResult result;
  std::string out;
};

Parsed parse(std::string_view in) {
  Parsed parsed;
  parsed.result = resp::parse_inline(in, parsed.out);
  return parsed;
}

std::string array_of(const std::vector<std::string>& words) {
  std::string out;
  resp::encode_number_line(out, '*', static_cast<i64>(words.size()));
  for (const std::string& word : words) resp::encode_bulk(out, word);
  return out;
}

}  // namespace

// What Redis makes of each was taken from a live redis-server 7.0.15.
TEST_CASE("inline commands are split as Redis splits them") {
  struct Case {
    std::string in;
    std::vector<std::string> words;
  };
  const std::vector<Case> cases = {
      {"PING\r\n", {"PING"}},
      {"PING\n", {"PING"}},
      {"PING\r\r\n", {"PING"}},
      {"  PING \t \r\n", {"PING"}},
      {"SET k v\r\n", {"SET", "k", "v"}},
      {"ECHO \"a b\"\r\n", {"ECHO", "a b"}},
      {"ECHO \"\"\r\n", {"ECHO", ""}},
      {"''\r\n", {""}},
      {"ECHO \"a\\x41\\x4g\\n\\t\\r\\b\\a\\q\"\r\n", {"ECHO", "aAx4g\n\t\r\b\aq"}},
      {"ECHO \"\\xfF\\x00\"\r\n", {"ECHO", "\xff\0"s}},
      {"ECHO \"\\x4\" \"\\x\"\r\n", {"ECHO", "x4", "x"}},
      {"ECHO \\x41\\n\r\n", {"ECHO", "\\x41\\n"}},
      {"ECHO 'a\\'b\\n'\r\n", {"ECHO", "a'b\\n"}},
      {"ECHO 'a\\\\b'\r\n", {"ECHO", "a\\\\b"}},
      {"ECHO \"'\" '\"'\r\n", {"ECHO", "'", "\""}},
      {"ECHO a\"b c\"\r\n", {"ECHO", "ab c"}},
      {"ECHO a'b c' d\r\n", {"ECHO", "ab c", "d"}},
      {"ECHO a\vb\r\n", {"ECHO", "a\vb"}},
      {"\vECHO\v a\r\n", {"ECHO\v", "a"}},
      {"ECHO \va\r\n", {"ECHO", "a"}},
      {"ECHO \"a\"\vb\r\n", {"ECHO", "a", "b"}},
      {"ECHO a\rb\r\n", {"ECHO", "a", "b"}},
      {"ECHO \xff\r\n", {"ECHO", "\xff"}},
  };
  for (const Case& row : cases) {
    CAPTURE(row.in);
    const Parsed parsed = parse(row.in + "NEXT\r\n");
    CHECK(parsed.result.status == ParseStatus::complete);
    CHECK(parsed.result.consumed == row.in.size());
    CHECK(parsed.result.error == nullptr);
    CHECK(parsed.out == array_of(row.words));
    CHECK(check_inline(row.in) == "");
    for (std::size_t cut = 0; cut < row.in.size(); ++cut) {
      CHECK(parse(row.in.substr(0, cut)).result.status == ParseStatus::incomplete);
    }
  }
}

TEST_CASE("an empty line is complete and says nothing") {
  for (const char* const line : {"\n", "\r\n", " \r\n", "\t\v\f \n"}) {
    const Parsed parsed = parse(line + "PING\r\n"s);
    CHECK(parsed.result.status == ParseStatus::complete);
    CHECK(parsed.result.consumed == std::string_view(line).size());
    CHECK(parsed.out.empty());
  }
}

TEST_CASE("malformed inline commands get the words of Redis") {
  const std::string unbalanced = "Protocol error: unbalanced quotes in request";
  const std::vector<std::string> lines = {
      "ECHO \"a\"b\r\n",     "ECHO 'a'b\r\n",    "ECHO \"a\r\n",
      "ECHO 'a\r\n",         "ECHO \"\\\r\n",    "ECHO \"a\\\"\r\n",
      "ECHO 'a\\'\r\n",      "ECHO 'a\\\\'\r\n", "\"\n",
      "ECHO \"a\"\"b\"\r\n",
  };
  for (const std::string& line : lines) {
    CAPTURE(line);
    const Parsed parsed = parse(line);
    REQUIRE(parsed.result.status == ParseStatus::invalid);
    CHECK(parsed.result.error == unbalanced);
    CHECK(parsed.out.empty());
    CHECK(check_inline(line) == "");
  }
  // Redis takes the NUL for the end of what it has and waits; a proxy has no use for that.
  const Parsed nul = parse("EC\0HO a\r\n"s);
  REQUIRE(nul.result.status == ParseStatus::invalid);
  CHECK(nul.result.error == "Protocol error: NUL byte in inline request"s);
}

TEST_CASE("an inline command has the length limit of Redis") {
  const std::string line(kInlineLengthMax, 'x');
  CHECK(parse(line).result.status == ParseStatus::incomplete);
  CHECK(parse(line + "\n").out == array_of({line}));
  const Parsed long_one = parse(line + "x");
  REQUIRE(long_one.result.status == ParseStatus::invalid);
  CHECK(long_one.result.error == "Protocol error: too big inline request"s);
  // It does not matter whether the end has come already.
  CHECK(parse(line + "x\n").result.status == ParseStatus::invalid);
  std::string words;
  for (u32 i = 0; i < kInlineLengthMax / 2; ++i) words += "a ";
  CHECK(check_inline(words + "\n") == "");
}

TEST_CASE("random lines agree with the oracle") {
  Prng prng(20240705);
  int complete = 0;
  for (int i = 0; i < 100000; ++i) {
    std::string in = random_bytes(prng, prng.below(40));
    std::erase(in, '\0');
    if (prng.chance(1, 2)) std::erase(in, '\n');
    if (prng.chance(1, 20)) in.push_back('\0');
    in.push_back('\n');
    const std::string wrong = check_inline(in);
    if (!wrong.empty()) FAIL("line " << i << " " << in << ": " << wrong);
    complete += inline_oracle(in).status == ParseStatus::complete ? 1 : 0;
  }
  CHECK(complete > 10000);
  CHECK(complete < 90000);
}
