#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "resp_check.h"
#include "resp_generator.h"
#include "ringfold/proto/resp.h"

using namespace ringfold;
using namespace ringfold::resp::testing;
using namespace std::string_literals;

namespace {

std::string check_everywhere(const std::string& in) {
  std::string wrong = check_reply_cursor(in);
  for (const Fill fill : kFills) {
    if (!wrong.empty()) break;
    wrong = check_all_cuts(in.size(), [&](const std::vector<std::size_t>& cuts) {
      return check_reply(in, cuts, fill);
    });
  }
  return wrong;
}

ParseStatus parse_whole(const std::string& in, resp::ReplyFrame& frame, std::size_t& consumed) {
  const PaddedCopy copy(in, 0, in.size(), Fill::crlf);
  return resp::parse_reply(copy.view(), frame, consumed);
}

ParseStatus status_of(const std::string& in) {
  resp::ReplyFrame frame;
  std::size_t consumed = 0;
  return parse_whole(in, frame, consumed);
}

}  // namespace

TEST_CASE("whole replies are found wherever they are cut") {
  const std::vector<std::string> replies = {
      "+OK\r\n",
      "+\r\n",
      "+PONG\r\n",
      "+a\nb\r\n",
      "-ERR no\r\n",
      "-" + std::string(3000, 'e') + "\r\n",
      ":0\r\n",
      ":1\r\n",
      ":42\r\n",
      ":1234567\r\n",
      ":-1\r\n",
      ":9223372036854775807\r\n",
      ":-9223372036854775808\r\n",
      "$-1\r\n",
      "$0\r\n\r\n",
      "$1\r\n\r\r\n",
      "$12\r\n\r\n$12\r\n+OK\r\n\r\n",
      "$100\r\n" + std::string(100, '\n') + "\r\n",
      "$1000\r\n" + std::string(1000, '$') + "\r\n",
      "$3\r\n\0\xff\0\r\n"s,
      "*-1\r\n",
      "*0\r\n",
      "*1\r\n*1\r\n*1\r\n*1\r\n*0\r\n",
      "*3\r\n$1\r\na\r\n$-1\r\n$1\r\nc\r\n",
      "*2\r\n*2\r\n:1\r\n+a\r\n*3\r\n-e\r\n$0\r\n\r\n*-1\r\n",
      "*10\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n:0\r\n",
  };
  for (const std::string& reply : replies) {
    CAPTURE(reply);
    resp::ReplyFrame frame;
    std::size_t consumed = 0;
    CHECK(parse_whole(reply, frame, consumed) == ParseStatus::complete);
    CHECK(consumed == reply.size());
    CHECK(frame.size == reply.size());
    CHECK(frame.type == reply[0]);
    CHECK(check_everywhere(reply) == "");
    CHECK(check_everywhere(reply + ":1\r\n") == "");  // the next reply is left alone
    CHECK(check_everywhere(reply + "garbage") == "");
  }
}

TEST_CASE("what is no RESP2 is refused at the byte that shows it") {
  const std::vector<std::string> replies = {
      "x",
      "\r",
      "\n",
      "\0"s,
      "%1\r\n",
      "_\r\n",
      "#t\r\n",
      "+a\rb",
      "+\r\r",
      ":\r",
      ":-\r",
      ":+1",
      ":--",
      ":-0",
      ":00",
      ":01",
      ":1-",
      ":1.",
      ":1 ",
      ":1\n",
      ":1\r\r",
      ":9223372036854775808",
      ":-9223372036854775809",
      ":10000000000000000000",
      "$\r",
      "$-\r",
      "$-2",
      "$-10",
      "$-0",
      "$00",
      "$01",
      "$+",
      "$1a",
      "$1\rX",
      "$1\n",
      "$1099511627777",
      "$1\r\nab",
      "$1\r\na\n",
      "$1\r\na\rb",
      "$0\r\n$",
      "*\r",
      "*-2",
      "*01",
      "*1a",
      "*1\rX",
      "*1099511627777",
      "*2\r\n*1099511627776\r\n",
      "*1\r\nx",
      "*2\r\n:1\r\nx",
      "*1\r\n*1\r\n\r",
  };
  for (const std::string& reply : replies) {
    CAPTURE(reply);
    CHECK(status_of(reply) == ParseStatus::invalid);
    CHECK(status_of(reply.substr(0, reply.size() - 1)) != ParseStatus::complete);
    CHECK(check_everywhere(reply) == "");
  }
}

TEST_CASE("huge lengths are counted, not trusted") {
  resp::ReplyFrame bulk;
  std::size_t consumed = 0;
  CHECK(parse_whole("$1099511627776\r\nx", bulk, consumed) == ParseStatus::incomplete);
  CHECK(bulk.bulk_left == (u64{1} << 40) + 1);
  resp::ReplyFrame array;
  CHECK(parse_whole("*1099511627776\r\n:1\r\n", array, consumed) == ParseStatus::incomplete);
  CHECK(array.elements_left == (u64{1} << 40) - 1);
  // Each array may be allowed, their sum is not.
  CHECK(status_of("*999999999999\r\n*999999999999\r\n") == ParseStatus::invalid);
  CHECK(status_of("*1099511627776\r\n*2\r\n") == ParseStatus::invalid);
  CHECK(status_of("*1099511627776\r\n*1\r\n") == ParseStatus::incomplete);
}

TEST_CASE("a bulk string is skipped in steps of any size") {
  constexpr std::size_t kSize = 5'000'000;
  std::string in = "$" + std::to_string(kSize) + "\r\n" + std::string(kSize, '\r') + "\r\n";
  for (const std::size_t step : {std::size_t{4096}, std::size_t{1'000'003}}) {
    resp::ReplyFrame frame;
    std::size_t at = 0;
    ParseStatus status = ParseStatus::incomplete;
    while (at < in.size() && status == ParseStatus::incomplete) {
      const PaddedCopy piece(in, at, std::min(in.size(), at + step), Fill::crlf);
      std::size_t consumed = 0;
      status = resp::parse_reply(piece.view(), frame, consumed);
      at += consumed;
    }
    CHECK(status == ParseStatus::complete);
    CHECK(at == in.size());
    CHECK(frame.size == in.size());
  }
}

TEST_CASE("deep nesting needs no stack") {
  std::string in;
  for (int i = 0; i < 200000; ++i) in += "*1\r\n";
  CHECK(status_of(in) == ParseStatus::incomplete);
  CHECK(status_of(in + ":1\r\n") == ParseStatus::complete);
}

TEST_CASE("a reply cursor hands out elements one level deep") {
  const std::string in = "*4\r\n$3\r\nfoo\r\n:-7\r\n*2\r\n+a\r\n$-1\r\n-ERR b\r\n";
  resp::ReplyCursor top(in);
  resp::ReplyElement array;
  REQUIRE(top.next(array));
  CHECK(array.type == '*');
  CHECK(array.number == 4);
  CHECK(array.raw == in);
  CHECK(top.rest().empty());
  CHECK_FALSE(top.next(array));
  resp::ReplyCursor inside = resp::ReplyCursor::into(array);
  resp::ReplyElement element;
  REQUIRE(inside.next(element));
  CHECK(element.text == "foo");
  CHECK(element.number == 3);
  REQUIRE(inside.next(element));
  CHECK(element.type == ':');
  CHECK(element.number == -7);
  CHECK(element.text == "-7");
  REQUIRE(inside.next(element));
  CHECK(element.raw == "*2\r\n+a\r\n$-1\r\n");
  CHECK(inside.rest() == "-ERR b\r\n");
  resp::ReplyCursor nested = resp::ReplyCursor::into(element);
  REQUIRE(nested.next(element));
  CHECK(element.text == "a");
  CHECK(resp::ReplyCursor::into(element).rest().empty());
  REQUIRE(nested.next(element));
  CHECK(element.number == -1);
  CHECK(element.text.empty());
  CHECK_FALSE(nested.next(element));
  REQUIRE(inside.next(element));
  CHECK(element.type == '-');
  CHECK(element.text == "ERR b");
  CHECK_FALSE(inside.next(element));
}

TEST_CASE("random replies agree with the oracle, whole and in pieces") {
  Prng prng(20240703);
  for (int i = 0; i < 30000; ++i) {
    std::string in = random_reply(prng);
    if (prng.chance(1, 4)) in += random_reply(prng);
    const std::vector<std::size_t> cuts = random_cuts(prng, in.size());
    std::string wrong = check_reply(in, cuts, kFills[prng.below(4)]);
    wrong += check_reply_cursor(in);
    if (!wrong.empty()) FAIL("reply " << i << " " << in << ": " << wrong);
  }
}

TEST_CASE("damaged replies agree with the oracle, whole and in pieces") {
  Prng prng(20240704);
  int invalid = 0;
  for (int i = 0; i < 60000; ++i) {
    std::string in = random_reply(prng);
    damage(prng, in);
    const std::vector<std::size_t> cuts = random_cuts(prng, in.size());
    std::string wrong = check_reply(in, cuts, kFills[prng.below(4)]);
    wrong += check_reply_cursor(in);
    if (!wrong.empty()) FAIL("reply " << i << " " << in << ": " << wrong);
    invalid += ReplyOracle(in).read().status == ParseStatus::invalid ? 1 : 0;
  }
  CHECK(invalid > 10000);  // else the damage teaches nothing
}
