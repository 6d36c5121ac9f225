// The memcached request parser against its oracle, whole and in pieces, and its progress.
#include <doctest/doctest.h>
#include "memcached_check.h"
#include "memcached_generator.h"

using namespace ringfold;
using namespace ringfold::memcached;
using namespace ringfold::memcached::testing;

namespace {

constexpr u64 kMaxSize = 1_MiB;

std::string check_cuts(const std::string& in, u64 max_size) {
  for (const Fill fill : kFills) {
    const std::string wrong = check_all_cuts(in.size(), [&](const std::vector<std::size_t>& cuts) {
      return memcached::testing::check_request(in, max_size, cuts, fill);
    });
    if (!wrong.empty()) return wrong;
  }
  return {};
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("requests agree with the oracle at every cut") {
  const std::string key(250, 'k');
  const std::string inputs[] = {
      "get a\r\n",
      "get a\n",
      "  get  a   b \r\nget c\r\n",
      "get a b c d e f g h i j k l m n o p q r s t u v w x y z\r\n",
      "gat 10 a b\r\n",
      "gat " + std::string(250, '0') + " a\r\n",
      "gat " + std::string(251, '0') + " a\r\n",
      "gat " + std::string(251, '0') + "\r\n",
      "get " + key + "\r\n",
      "get " + key + "k\r\n",
      "get a\rb\r\n",
      std::string("get a\0b\r\n", 9),
      "get a\x7f\r\n",
      "get \xff\xfe\r\n",
      "set a 0 0 5\r\nhello\r\nget a\r\n",
      "set a 0 0 5 noreply\r\nhello\r\n",
      "set a 0 0 5 noreply\r\nhellooo\r\n",
      "set a 0 0 0\r\n\r\n",
      "set a 0 0 2\r\n\r\n\r\n",
      "set a 0 -1 1\nx\r\n",
      "set a\x01 0 0 1\r\nx\r\n",
      "cas a 1 2 3 18446744073709551615\r\nabc\r\n",
      "ms a 2 c q\r\nab\r\n",
      "ms a 2 q q\r\nab\r\n",
      "mg YQ0KYg== b k\r\n",
      "delete a 0 noreply\r\n",
      "flush_all noreply\r\n",
      "stats cachedump 1 1\r\n",
      "shutdown\r\n",
      "\r\n",
      "\n",
      "\x80\x01",
      "mn\r\n",
  };
  for (const std::string& in : inputs) {
    CAPTURE(in);
    CHECK(check_cuts(in, kMaxSize) == "");
    CHECK(check_cuts(in, 16) == "");
  }
}

TEST_CASE("a line longer than memcached reads is for get alone") {
  const std::string many = "get" + repeated(" key", 1000) + "\r\n";
  CHECK(memcached::testing::check_request(many, kMaxSize, {}, Fill::crlf) == "");
  RequestFrame frame;
  const CommandRow* row = nullptr;
  const PaddedCopy get(many, 0, many.size(), Fill::crlf);
  REQUIRE(parse_request(get.view(), kMaxSize, frame, row) == ParseStatus::complete);
  CHECK(frame.argument_count == 1001);
  for (const std::size_t length : {2047u, 2048u, 2049u, 3000u}) {
    const std::string line = "md a " + std::string(length - 5, 'O') + "\r\n";
    CAPTURE(length);
    const std::size_t cuts[] = {2047, 2048, 2049, 2050};
    const std::size_t usable = length > 2050 ? 4 : 1;
    CHECK(memcached::testing::check_request(line, kMaxSize, std::span(cuts, usable), Fill::crlf) ==
          "");
    RequestFrame other;
    const PaddedCopy piece(line, 0, line.size(), Fill::crlf);
    const bool fits = length + 1 <= 2048;
    CHECK(parse_request(piece.view(), kMaxSize, other, row) ==
          (fits ? ParseStatus::complete : ParseStatus::invalid));
  }
}

TEST_CASE("a value that is too large is answered at once and skipped") {
  RequestFrame frame;
  const CommandRow* row = nullptr;
  const std::string in = "set a 0 0 2147483645\r\n";
  const PaddedCopy piece(in, 0, in.size(), Fill::crlf);
  REQUIRE(parse_request(piece.view(), kMaxSize, frame, row) == ParseStatus::complete);
  CHECK(std::string(frame.error) == "SERVER_ERROR object too large for cache");
  CHECK(frame.offset == in.size() + 2147483647u);
}

TEST_CASE("no byte of the line is searched twice, none of the data at all") {
  const std::string line = "set a 0 0 1000\r\n";
  const std::string in = line + std::string(1000, 'x') + "\r\n";
  RequestFrame frame;
  const CommandRow* row = nullptr;
  for (std::size_t end = 1; end < line.size(); ++end) {
    const PaddedCopy piece(in, 0, end, Fill::crlf);
    REQUIRE(parse_request(piece.view(), kMaxSize, frame, row) == ParseStatus::incomplete);
    CHECK(frame.offset == end);
  }
  const PaddedCopy piece(in, 0, line.size(), Fill::crlf);
  REQUIRE(parse_request(piece.view(), kMaxSize, frame, row) == ParseStatus::incomplete);
  CHECK(frame.need == in.size());
  const PaddedCopy whole(in, 0, in.size(), Fill::crlf);
  REQUIRE(parse_request(whole.view(), kMaxSize, frame, row) == ParseStatus::complete);
  CHECK(frame.offset == in.size());
  CHECK(row->command == Command::set);
}

TEST_CASE("random requests agree with the oracle, whole and in pieces") {
  Prng prng(20261122);
  int good = 0;
  for (int i = 0; i < 60000; ++i) {
    const std::string in = memcached::testing::random_request(prng);
    const u64 max_size = prng.chance(1, 10) ? prng.below(60) : kMaxSize;
    const std::vector<std::size_t> cuts = random_cuts(prng, in.size());
    const std::string wrong =
        memcached::testing::check_request(in, max_size, cuts, kFills[prng.below(4)]);
    if (!wrong.empty()) FAIL("request " << i << " " << in << ": " << wrong);
    const OracleRequest oracle = RequestOracle(in, max_size).read();
    good += oracle.status == ParseStatus::complete && !oracle.has_error ? 1 : 0;
  }
  CHECK(good > 20000);  // else the generator makes nothing but mistakes
}

TEST_CASE("damaged requests agree with the oracle, whole and in pieces") {
  Prng prng(20261123);
  for (int i = 0; i < 60000; ++i) {
    std::string in = memcached::testing::random_request(prng);
    damage(prng, in);
    const std::vector<std::size_t> cuts = random_cuts(prng, in.size());
    const std::string wrong =
        memcached::testing::check_request(in, kMaxSize, cuts, kFills[prng.below(4)]);
    if (!wrong.empty()) FAIL("request " << i << " " << in << ": " << wrong);
  }
}
