#include <doctest/doctest.h>
#include <sys/mman.h>

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

constexpr u64 kNoLimit = 1_GiB;

std::string check_everywhere(const std::string& in, u64 max_size = kNoLimit) {
  std::string wrong;
  for (const Fill fill : kFills) {
    if (!wrong.empty()) break;
    wrong = check_all_cuts(in.size(), [&](const std::vector<std::size_t>& cuts) {
      return check_request(in, max_size, cuts, fill);
    });
  }
  return wrong;
}

// Parses all of in at once.
ParseStatus parse_whole(const std::string& in, RequestFrame& frame, u64 max_size = kNoLimit) {
  const PaddedCopy copy(in, 0, in.size(), Fill::crlf);
  return resp::parse_request(copy.view(), max_size, frame);
}

std::string error_of(const std::string& in, u64 max_size = kNoLimit) {
  RequestFrame frame;
  if (parse_whole(in, frame, max_size) != ParseStatus::invalid) return "not invalid";
  return frame.error;
}

// A request of arguments of 512 MiB each, whose bytes are never written: a parser that looked at
// them would make the memory real.
class SparseRequest {
 public:
  explicit SparseRequest(u32 count) : size_(4 + count * kArgumentSize) {
    void* const memory = mmap(nullptr, size_ + kPadding, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    bytes_ = static_cast<char*>(memory);
    std::string header;
    resp::encode_number_line(header, '*', count);
    write(0, header);
    for (u32 i = 0; i < count; ++i) {
      write(4 + i * kArgumentSize, "$536870912\r\n");
      write(4 + (i + 1) * kArgumentSize - 2, "\r\n");
    }
  }
  SparseRequest(const SparseRequest&) = delete;
  SparseRequest& operator=(const SparseRequest&) = delete;
  ~SparseRequest() { munmap(bytes_, size_ + kPadding); }

  std::string_view view() const { return {bytes_, size_}; }

 private:
  static constexpr u64 kArgumentSize = 12 + kBulkLengthMax + 2;

  void write(u64 at, const std::string& text) {
    std::memcpy(bytes_ + at, text.data(), text.size());
  }

  u64 size_;
  char* bytes_ = nullptr;
};

}  // namespace

TEST_CASE("a GET is one frame with both arguments in place") {
  const std::string in = "*2\r\n$3\r\nGET\r\n$5\r\nhello\r\n";
  RequestFrame frame;
  REQUIRE(parse_whole(in, frame) == ParseStatus::complete);
  CHECK(frame.offset == in.size());
  CHECK(frame.argument_count == 2);
  CHECK(frame.arguments_seen == 2);
  CHECK(frame.arguments[0].offset == 8);
  CHECK(frame.arguments[0].length == 3);
  CHECK(frame.arguments[1].offset == 17);
  CHECK(frame.arguments[1].length == 5);
  CHECK(frame.error == nullptr);
}

TEST_CASE("well-formed requests parse the same wherever they are cut") {
  const std::vector<std::string> requests = {
      "*0\r\n",
      "*-1\r\n",
      "*-10\r\n",
      "*-9223372036854775808\r\n",
      "*1\r\n$4\r\nPING\r\n",
      "*1\r\n$0\r\n\r\n",
      "*2\r\n$3\r\nGET\r\n$5\r\nhello\r\n",
      "*2\r\n$3\r\nGET\r\n$10\r\n0123456789\r\n",
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8\r\n\r\n$1\r\n\r\n\r\n",
      "*5\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n",
      "*2\r\n$1\r\na\r\n$100\r\n" + std::string(100, '\r') + "\r\n",
      "*2\r\n$1\r\na\r\n$1234\r\n" + std::string(1234, '$') + "\r\n",
      "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n",
      "*0\r\n*1\r\n$4\r\nPING\r\n",
      "*1\r\n$4\r\nP\0\r\n\r\n"s,
  };
  for (const std::string& request : requests) {
    CAPTURE(request);
    RequestFrame frame;
    CHECK(parse_whole(request, frame) == ParseStatus::complete);
    CHECK(check_everywhere(request) == "");
  }
}

// The texts were taken from a live redis-server 7.0.15, but for those marked ours.
TEST_CASE("malformed requests get the words of Redis") {
  struct Case {
    std::string in;
    std::string words;
  };
  const std::string count = "Protocol error: invalid multibulk length";
  const std::string length = "Protocol error: invalid bulk length";
  const std::vector<Case> cases = {
      {"*\r\n", count},
      {"*-\r\n", count},
      {"*-0\r\n", count},
      {"*+1\r\n", count},
      {"*01\r\n", count},
      {"*00\r\n", count},
      {"* 1\r\n", count},
      {"*1 \r\n", count},
      {"*a\r\n", count},
      {"*1a\r\n", count},
      {"*2147483648\r\n", count},
      {"*1048577\r\n", count},  // ours: Redis takes up to 2147483647
      {"*-9223372036854775809\r\n", count},
      {"*9223372036854775807\r\n", count},
      {"*9223372036854775808\r\n", count},
      {"*18446744073709551617\r\n", count},
      {"*99999999999999999999999\r\n", count},
      {"*1\n$4\r\nPING\r\n", count},
      {"*1\rX$4\r\nPING\r\n", count},  // ours: Redis skips the X
      {"*1\0\r\n"s, count},            // ours: Redis waits for ever
      {"*1\r\n$-1\r\n", length},
      {"*1\r\n$-0\r\n", length},
      {"*1\r\n$\r\n", length},
      {"*1\r\n$+4\r\n", length},
      {"*1\r\n$04\r\n", length},
      {"*1\r\n$004\r\nPING\r\n", length},
      {"*1\r\n$4a\r\n", length},
      {"*1\r\n$ 4\r\n", length},
      {"*1\r\n$12:4\r\n", length},
      {"*1\r\n$1/34\r\n", length},
      {"*1\r\n$123\xb0\r\n", length},
      {"*1\r\n$536870913\r\n", length},
      {"*1\r\n$9223372036854775808\r\n", length},
      {"*1\r\n$18446744073709551620\r\nPING\r\n", length},
      {"*1\r\n$4\n\r\nPING\r\n", length},
      {"*1\r\n$4\rXPING\r\n", length},  // ours: Redis skips the X
      {"*1\r\n$4\r\rPING\r\n", length},
      {"*1\r\n$12\rX", length},
      {"*1\r\n$123\rX", length},
      {"*1\r\nPING\r\n", "Protocol error: expected '$', got 'P'"},
      {"*1\r\n%4\r\nPING\r\n", "Protocol error: expected '$', got '%'"},
      {"*1\r\n%1234\r\nPING\r\n", "Protocol error: expected '$', got '%'"},
      {"*1\r\n\r\n", "Protocol error: expected '$', got ' '"},
      {"*1\r\n\n\r\n", "Protocol error: expected '$', got ' '"},
      {"*1\r\n\0\r\n"s, "Protocol error: expected '$', got ' '"},  // ours: Redis waits for ever
      {"*1\r\n\xff\r\n", "Protocol error: expected '$', got '\xff'"},
      {"*1\r\n*1\r\n", "Protocol error: expected '$', got '*'"},
      {"*1\r\n$4\r\nPINGXX", "Protocol error: invalid bulk terminator"},  // ours
      {"*1\r\n$3\r\nPING\r\n", "Protocol error: invalid bulk terminator"},
      {"*1\r\n$4\r\nPING\r\r", "Protocol error: invalid bulk terminator"},
      {"*1\r\n$4\r\nPING\n\r", "Protocol error: invalid bulk terminator"},
      {"*2\r\n$4\r\nPING\r\n$1\r\n\r\n\r\n", "Protocol error: invalid bulk terminator"},
  };
  for (const Case& row : cases) {
    CAPTURE(row.in);
    CHECK(error_of(row.in) == row.words);
    CHECK(check_everywhere(row.in) == "");
  }
}

TEST_CASE(
    "a header line longer than Redis reads is refused, one of just that length is waited for") {
  const std::string digits(kInlineLengthMax - 1, '1');
  RequestFrame frame;
  CHECK(parse_whole("*" + digits, frame) == ParseStatus::incomplete);
  CHECK(error_of("*" + digits + "1") == "Protocol error: too big mbulk count string");
  CHECK(error_of("*" + digits + "\r\n") == "Protocol error: invalid multibulk length");
  RequestFrame argument;
  CHECK(parse_whole("*1\r\n$" + digits, argument) == ParseStatus::incomplete);
  CHECK(error_of("*1\r\n$" + digits + "1") == "Protocol error: too big bulk count string");
  CHECK(error_of("*1\r\n$" + digits + "\r\n") == "Protocol error: invalid bulk length");
  CHECK(error_of("*1\r\nx" + digits + "1") == "Protocol error: too big bulk count string");
}

TEST_CASE("the largest count and the largest argument are waited for, one more is refused") {
  RequestFrame frame;
  CHECK(parse_whole("*1048576\r\n", frame) == ParseStatus::incomplete);
  CHECK(frame.argument_count == kArgumentsMax);
  CHECK(frame.need == 10 + 6 * u64{kArgumentsMax});
  RequestFrame argument;
  CHECK(parse_whole("*1\r\n$536870912\r\n", argument) == ParseStatus::incomplete);
  CHECK(argument.need == 16 + kBulkLengthMax + 2);
  CHECK(error_of("*1\r\n$536870913\r\n") == "Protocol error: invalid bulk length");
}

TEST_CASE("need is exact once the last length is known") {
  const std::string in = "*2\r\n$3\r\nGET\r\n$5\r\nhello\r\n";
  RequestFrame frame;
  for (std::size_t cut = 0; cut < in.size(); ++cut) {
    const PaddedCopy piece(in, 0, cut, Fill::continuation);
    REQUIRE(resp::parse_request(piece.view(), kNoLimit, frame) == ParseStatus::incomplete);
    if (cut < 4) CHECK(frame.need == 0);
    if (cut >= 4 && cut < 8) CHECK(frame.need == 4 + 6 + 6);
    if (cut >= 8 && cut < 13) CHECK(frame.need == 4 + 9 + 6);
    if (cut >= 17) CHECK(frame.need == in.size());
    CHECK(frame.offset == (cut < 4 ? 0u : cut < 13 ? 4u : 13u));
    CHECK(frame.arguments_seen == (cut < 13 ? 0u : 1u));
  }
}

TEST_CASE("a request above the limit is refused as soon as its lengths say so") {
  const std::string words = "Protocol error: request larger than max_request_size";
  const std::string get = "*2\r\n$3\r\nGET\r\n$5\r\nhello\r\n";
  RequestFrame frame;
  CHECK(parse_whole(get, frame, get.size()) == ParseStatus::complete);
  CHECK(error_of(get, get.size() - 1) == words);
  CHECK(error_of(get.substr(0, 17), get.size() - 1) == words);
  CHECK(error_of("*1000\r\n", 6006) == words);
  RequestFrame fits;
  CHECK(parse_whole("*1000\r\n", fits, 6007) == ParseStatus::incomplete);
  CHECK(error_of("*0\r\n", 3) == words);
  for (u64 max_size = 0; max_size <= get.size(); ++max_size) {
    CAPTURE(max_size);
    CHECK(check_everywhere(get, max_size) == "");
  }
}

TEST_CASE("no limit lets a request outgrow 32-bit offsets") {
  const SparseRequest fits(7);
  RequestFrame frame;
  REQUIRE(resp::parse_request(fits.view(), UINT64_MAX, frame) == ParseStatus::complete);
  CHECK(frame.offset == fits.view().size());
  resp::ArgumentCursor cursor(fits.view(), frame);
  Argument argument;
  u64 end = 4;
  while (cursor.next(argument)) {
    CHECK(argument.length == kBulkLengthMax);
    CHECK(cursor.raw_offset() == end);
    end += cursor.raw_length();
  }
  CHECK(end == fits.view().size());
  const SparseRequest outgrows(8);
  RequestFrame refused;
  REQUIRE(resp::parse_request(outgrows.view(), UINT64_MAX, refused) == ParseStatus::invalid);
  CHECK(refused.error == "Protocol error: request larger than max_request_size"s);
}

TEST_CASE("random requests agree with the oracle, whole and in pieces") {
  Prng prng(20240701);
  for (int i = 0; i < 20000; ++i) {
    std::string in = random_request(prng);
    if (prng.chance(1, 4)) in += random_request(prng);
    const std::vector<std::size_t> cuts = random_cuts(prng, in.size());
    const std::string wrong = check_request(in, kNoLimit, cuts, kFills[prng.below(4)]);
    if (!wrong.empty()) FAIL("request " << i << " " << in << ": " << wrong);
  }
}

TEST_CASE("damaged requests agree with the oracle, whole and in pieces") {
  Prng prng(20240702);
  int invalid = 0;
  for (int i = 0; i < 60000; ++i) {
    std::string in = random_request(prng);
    damage(prng, in);
    const u64 max_size = prng.chance(1, 4) ? prng.below(2 * in.size() + 1) : kNoLimit;
    const std::vector<std::size_t> cuts = random_cuts(prng, in.size());
    const std::string wrong = check_request(in, max_size, cuts, kFills[prng.below(4)]);
    if (!wrong.empty()) FAIL("request " << i << " " << in << ": " << wrong);
    invalid += RequestOracle(in, max_size).read().status == ParseStatus::invalid ? 1 : 0;
  }
  CHECK(invalid > 10000);  // else the damage teaches nothing
}
