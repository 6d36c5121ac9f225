#include <doctest/doctest.h>

#include "request_builder.h"
#include "ringfold/base/prng.h"
#include "ringfold/proto/command.h"

using namespace ringfold;

namespace {

// What the cursor says about a request: its keys joined by spaces, or its error; then "[patterns]"
// and "[blocking]".
std::string keys_of(const std::vector<std::string>& arguments) {
  const BuiltRequest request = build_request(arguments);
  const CommandSpec* spec = resp::find_command(arguments[0]);
  REQUIRE(spec != nullptr);
  if (spec->route == Route::container && arguments.size() > 1) {
    spec = resp::find_subcommand(*spec, arguments[1]);
    REQUIRE(spec != nullptr);
  }
  REQUIRE(resp::arity_fits(*spec, request.frame.argument_count));
  resp::KeyCursor cursor(*spec, request.bytes, request.frame);
  std::string result = cursor.error() == nullptr ? "" : cursor.error();
  Argument key;
  while (cursor.next(key)) {
    REQUIRE(cursor.error() == nullptr);
    if (!result.empty()) result += ' ';
    result += request.bytes.substr(key.offset, key.length);
  }
  REQUIRE_FALSE(cursor.next(key));
  if (cursor.has_patterns()) result += " [patterns]";
  if (cursor.is_blocking()) result += " [blocking]";
  return result;
}

std::string keys_of(std::string_view line) {
  return keys_of(split_words(line));
}

constexpr const char* kSyntax = "ERR syntax error";
constexpr const char* kNotAnInteger = "ERR value is not an integer or out of range";
constexpr const char* kTooMany = "ERR Number of keys can't be greater than number of args";
constexpr const char* kNegative = "ERR Number of keys can't be negative";
constexpr const char* kTooFew = "ERR numkeys should be greater than 0";
constexpr const char* kUnbalanced =
    "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.";

}  // namespace

TEST_CASE("a range gives every step-th argument from first to last") {
  CHECK(keys_of("GET a") == "a");
  CHECK(keys_of("SET a b EX 10") == "a");
  CHECK(keys_of("MGET a b c d e f") == "a b c d e f");
  CHECK(keys_of("MSET a 1 b 2 c 3") == "a b c");
  CHECK(keys_of("MSETNX a 1") == "a");
  CHECK(keys_of("RENAME a b") == "a b");
  CHECK(keys_of("COPY a b DB 1 REPLACE") == "a b");
  CHECK(keys_of("LCS a b LEN") == "a b");
  CHECK(keys_of("BITOP AND d a b c") == "d a b c");
  CHECK(keys_of("OBJECT ENCODING k") == "k");
  CHECK(keys_of("XGROUP CREATE k g $ MKSTREAM") == "k");
  CHECK(keys_of("GEOSEARCHSTORE d s FROMMEMBER m BYRADIUS 1 km") == "d s");
  CHECK(keys_of("ZRANGESTORE d s 0 -1") == "d s");
}

TEST_CASE("a refused command still has its keys, for COMMAND GETKEYS") {
  CHECK(keys_of("BLPOP a b c 0") == "a b c");
  CHECK(keys_of("BLMPOP 0 2 a b LEFT") == "a b");
  CHECK(keys_of("WATCH a b") == "a b");
  CHECK(keys_of("SSUBSCRIBE a b") == "");
  CHECK(keys_of("SPUBLISH a b") == "");
}

TEST_CASE("commands without keys give none") {
  CHECK(keys_of("PING") == "");
  CHECK(keys_of("OBJECT HELP") == "");
  CHECK(keys_of("SCAN 0 MATCH a") == "");
}

TEST_CASE("a key without its value is said to be a wrong number of arguments") {
  CHECK(keys_of("MSET a 1 b") == "ERR wrong number of arguments for 'mset' command");
  CHECK(keys_of("MSETNX a 1 b") == "ERR wrong number of arguments for 'msetnx' command");
}

TEST_CASE("keys follow their number") {
  CHECK(keys_of("EVAL s 2 a b c") == "a b");
  CHECK(keys_of("EVAL s 0 a b") == "");
  CHECK(keys_of("EVAL s 0") == "");
  CHECK(keys_of("FCALL_RO f 1 a b") == "a");
  CHECK(keys_of("ZUNION 3 a b c WITHSCORES") == "a b c");
  CHECK(keys_of("ZINTERCARD 1 a LIMIT 3") == "a");
  CHECK(keys_of("LMPOP 2 a b LEFT") == "a b");
  CHECK(keys_of("ZUNIONSTORE d 2 a b WEIGHTS 1 2") == "d a b");
  CHECK(keys_of("ZDIFFSTORE d 1 a") == "d a");
}

TEST_CASE("a bad number of keys is answered with the words of the command") {
  CHECK(keys_of("EVAL s x") == kNotAnInteger);
  CHECK(keys_of("EVAL s -1") == kNegative);
  CHECK(keys_of("EVAL s 2 a") == kTooMany);
  CHECK(keys_of("EVALSHA s x") == "NOSCRIPT No matching script. Please use EVAL.");
  CHECK(keys_of("EVALSHA 0123456789012345678901234567890123456789 x") == kNotAnInteger);
  CHECK(keys_of("EVALSHA_RO 0123456789012345678901234567890123456789 2 a") == kTooMany);
  CHECK(keys_of("FCALL f x") == "");
  CHECK(keys_of("FCALL f 2 a") == "");
  CHECK(keys_of("ZUNION 0 k") == "ERR at least 1 input key is needed for 'zunion' command");
  CHECK(keys_of("zinterstore d -1 k") ==
        "ERR at least 1 input key is needed for 'zinterstore' command");
  CHECK(keys_of("ZDIFF 5 k") == kSyntax);
  CHECK(keys_of("ZINTERCARD k k") == kNotAnInteger);
  CHECK(keys_of("LMPOP 0 k LEFT") == kTooFew);
  CHECK(keys_of("LMPOP 2 k LEFT") == kSyntax);
  CHECK(keys_of("ZMPOP x k MIN") == kTooFew);
  CHECK(keys_of("SINTERCARD 2 k") == kTooMany);
  CHECK(keys_of("SINTERCARD x k") == kTooFew);
}

TEST_CASE("hostile numbers of keys are no numbers or too many") {
  for (const char* number : {"9223372036854775807", "4294967297", "2147483648"}) {
    CAPTURE(number);
    CHECK(keys_of({"EVAL", "s", number, "a"}) == kTooMany);
    CHECK(keys_of({"ZUNION", number, "a"}) == kSyntax);
    CHECK(keys_of({"LMPOP", number, "a", "LEFT"}) == kSyntax);
  }
  for (const char* number : {"9223372036854775808", "-9223372036854775809", "18446744073709551617",
                             "99999999999999999999999", "+1", "01", "-0", "00", "", " 1", "1 ",
                             "1.0", "0x1", "-", "1\n"}) {
    CAPTURE(number);
    CHECK(keys_of({"EVAL", "s", number, "a"}) == kNotAnInteger);
    CHECK(keys_of({"ZUNIONSTORE", "d", number, "a"}) == kNotAnInteger);
    CHECK(keys_of({"SINTERCARD", number, "a"}) == kTooFew);
  }
  CHECK(keys_of({"EVAL", "s", std::string("1\0", 2), "a"}) == kNotAnInteger);
  CHECK(keys_of("EVAL s -9223372036854775808 a") == kNegative);
}

TEST_CASE("streams are the first half of what follows STREAMS") {
  CHECK(keys_of("XREAD STREAMS a 0") == "a");
  CHECK(keys_of("xread count 5 streams a b c 0 0 0") == "a b c");
  CHECK(keys_of("XREAD BLOCK 0 STREAMS a $") == "a [blocking]");
  CHECK(keys_of("XREAD BLOCK 5 COUNT 2 STREAMS STREAMS STREAMS 0 0") ==
        "STREAMS STREAMS [blocking]");
  CHECK(keys_of("XREADGROUP GROUP g c NOACK STREAMS a b > >") == "a b");
  CHECK(keys_of("XREADGROUP GROUP STREAMS STREAMS STREAMS a >") == "a");
  CHECK(keys_of("XREADGROUP GROUP a b COUNT 1 GROUP STREAMS x STREAMS a >") == "a");
}

TEST_CASE("a stream request without clear keys is answered as Redis does") {
  CHECK(keys_of("XREAD COUNT 1 STREAMS") == kSyntax);
  CHECK(keys_of("XREAD a b c") == kSyntax);
  CHECK(keys_of("XREAD COUNT 1 COUNT") == kSyntax);
  CHECK(keys_of("XREAD COUNT 1 COUNT 2") == kSyntax);
  CHECK(keys_of("XREAD STREAMS a b c") == kUnbalanced);
  CHECK(keys_of("XREADGROUP GROUP g c STREAMS a b >") == kUnbalanced);
  CHECK(keys_of("XREADGROUP NOACK COUNT 1 STREAMS a >") ==
        "ERR Missing GROUP option for XREADGROUP");
  CHECK(keys_of("XREAD COUNT x STREAMS a") == kNotAnInteger);
  CHECK(keys_of("XREAD COUNT STREAMS a 0") == kNotAnInteger);
  CHECK(keys_of("XREAD BLOCK x STREAMS a") == "ERR timeout is not an integer or out of range");
  CHECK(keys_of("XREAD BLOCK -1 STREAMS a 0") == "ERR timeout is negative");
  CHECK(keys_of("XREAD GROUP g c STREAMS a 0") ==
        "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
  CHECK(keys_of("XREAD NOACK STREAMS a 0") ==
        "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
}

TEST_CASE("GEORADIUS has its key and the last one it stores to") {
  CHECK(keys_of("GEORADIUS k 1 2 3 km") == "k");
  CHECK(keys_of("GEORADIUS k 1 2 3 km STORE d") == "k d");
  CHECK(keys_of("GEORADIUS k 1 2 3 km count 2 any asc storedist d") == "k d");
  CHECK(keys_of("GEORADIUS k 1 2 3 km STORE d STOREDIST e") == "k e");
  CHECK(keys_of("GEORADIUS k 1 2 3 km STORE STORE") == "k STORE");
  CHECK(keys_of("GEORADIUS k 1 2 3 km STORE") == "k");
  CHECK(keys_of("GEORADIUS k STORE x 3 km") == "k");
  CHECK(keys_of("GEORADIUSBYMEMBER k STORE 3 km") == "k");
  CHECK(keys_of("GEORADIUSBYMEMBER k STORE 3 km STORE d") == "k d");
  CHECK(keys_of("GEORADIUS_RO k 1 2 3 km ASC") == "k");
}

TEST_CASE("SORT has its key, the last one it stores to, and perhaps patterns") {
  CHECK(keys_of("SORT k") == "k");
  CHECK(keys_of("SORT k LIMIT 0 5 ALPHA DESC") == "k");
  CHECK(keys_of("SORT k STORE d") == "k d");
  CHECK(keys_of("SORT k STORE d STORE e") == "k e");
  CHECK(keys_of("SORT k STORE BY") == "k BY");
  CHECK(keys_of("SORT k BY STORE d") == "k");
  CHECK(keys_of("SORT k GET # BY nosort STORE d") == "k d");
  CHECK(keys_of("SORT k LIMIT STORE x STORE d") == "k d");
  CHECK(keys_of("SORT k LIMIT 0 STORE d") == "k");
  CHECK(keys_of("SORT k BY w_*") == "k [patterns]");
  CHECK(keys_of("SORT k GET # GET o_*->f store d") == "k d [patterns]");
  CHECK(keys_of("SORT_RO k BY w_* GET #") == "k [patterns]");
  CHECK(keys_of("SORT_RO k STORE d") == "k");
}

TEST_CASE("a word that Redis would cut at a zero byte is the same word here") {
  CHECK(keys_of({"SORT", "k", std::string("Store\0x", 7), "d"}) == "k d");
  CHECK(keys_of({"SORT", "k", "Storex", "d"}) == "k");
  CHECK(keys_of({"XREAD", std::string("STREAMS\0", 8), "a", "0"}) == "a");
  CHECK(keys_of({"GEORADIUS", "k", "1", "2", "3", "km", std::string("storedist\0\0", 11), "d"}) ==
        "k d");
}

TEST_CASE("MIGRATE has one key or those behind KEYS") {
  CHECK(keys_of("MIGRATE h 1 k 0 10 COPY AUTH keys") == "k");
  CHECK(keys_of({"MIGRATE", "h", "1", "", "0", "10", "auth2", "keys", "keys", "KEYS", "a", "b"}) ==
        "a b");
  CHECK(keys_of("MIGRATE h 1 k 0 10 KEYS a") ==
        "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
}

TEST_CASE("keys of every length are found behind the frame's own arguments") {
  std::vector<std::string> arguments{"MGET"};
  std::string expected;
  for (std::size_t length = 0; length < 1200; length += 13) {
    arguments.emplace_back(length, static_cast<char>('a' + length % 26));
    if (arguments.size() > 2) expected += ' ';
    expected += arguments.back();
  }
  // keys_of() puts no space behind an empty first key.
  expected.erase(0, 1);
  CHECK(keys_of(arguments) == expected);
}

TEST_CASE("an empty key is a key") {
  const BuiltRequest request = build_request(std::vector<std::string>{"GET", ""});
  resp::KeyCursor cursor(*resp::find_command("get"), request.bytes, request.frame);
  Argument key{1, 1};
  REQUIRE(cursor.next(key));
  CHECK(key.length == 0);
  CHECK_FALSE(cursor.next(key));
}

TEST_CASE("random requests of every command give keys that are arguments, in order") {
  static const std::vector<std::string> kWords = {"STREAMS",
                                                  "BLOCK",
                                                  "COUNT",
                                                  "GROUP",
                                                  "NOACK",
                                                  "STORE",
                                                  "STOREDIST",
                                                  "BY",
                                                  "GET",
                                                  "LIMIT",
                                                  "KEYS",
                                                  "AUTH",
                                                  "AUTH2",
                                                  "0",
                                                  "1",
                                                  "2",
                                                  "3",
                                                  "-1",
                                                  "9223372036854775807",
                                                  "x*",
                                                  "",
                                                  "k"};
  Prng prng(20);
  for (int round = 0; round < 200'000; ++round) {
    const auto table = resp::command_table();
    const CommandSpec& spec = table[prng.below(table.size())];
    const u64 least = static_cast<u64>(spec.arity < 0 ? -spec.arity : spec.arity);
    const u64 count = least + (spec.arity < 0 ? prng.below(8) : 0);
    std::vector<std::string> arguments{std::string(spec.name)};
    while (arguments.size() < count) arguments.push_back(kWords[prng.below(kWords.size())]);
    const BuiltRequest request = build_request(arguments);
    // Nothing may be read outside the request: here it ends where its allocation does.
    const std::vector<char> exact(request.bytes.begin(), request.bytes.end());
    resp::KeyCursor cursor(spec, {exact.data(), exact.size()}, request.frame);
    Argument key;
    u64 last_end = 0;
    u64 visited = 0;
    while (cursor.next(key)) {
      REQUIRE(cursor.error() == nullptr);
      REQUIRE(key.offset > last_end);
      last_end = u64{key.offset} + key.length;
      REQUIRE(last_end + 2 <= request.bytes.size());
      REQUIRE(request.bytes.substr(last_end, 2) == "\r\n");
      ++visited;
    }
    REQUIRE(visited < count);
    if (spec.keys == KeyRule::none) REQUIRE(visited == 0);
  }
}
