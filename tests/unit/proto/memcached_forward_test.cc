// What a memcached request says about itself: its row, its key, what is forwarded of it and which
// answers its client does not see.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "memcached_check.h"
#include "ringfold/base/prng.h"

using namespace ringfold;
using namespace ringfold::memcached;
using namespace ringfold::memcached::testing;

namespace {

struct Forwarded {
  std::string line;
  std::string key;
  Quiet quiet = Quiet::none;
};

Forwarded forward(const std::string& in) {
  const PaddedCopy piece(in, 0, in.size(), Fill::crlf);
  RequestFrame frame;
  const CommandRow* row = nullptr;
  REQUIRE(parse_request(piece.view(), 1_MiB, frame, row) == ParseStatus::complete);
  REQUIRE(frame.error == nullptr);
  Forwarded made;
  encode_forward(made.line, *row, piece.view(), frame, made.quiet);
  char scratch[256];
  if (row->key_at != 0) made.key = routing_key(*row, piece.view(), frame, scratch);
  return made;
}

std::string forwarded_line(const std::string& in) {
  return forward(in).line;
}

std::string key_of(const std::string& in) {
  return forward(in).key;
}

}  // namespace

TEST_CASE("every row is found by its name, and nothing else is") {
  const auto table = command_table();
  CHECK(std::is_sorted(table.begin(), table.end(),
                       [](const CommandRow& a, const CommandRow& b) { return a.name < b.name; }));
  for (const CommandRow& row : table) {
    const std::string name(row.name);
    CHECK(find_command(name) == &row);
    CHECK((row.sent_as == row.name || row.name == "bget"));
    CHECK((row.route == Route::refused) == (row.refusal != Refusal::none));
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::string other = name;
      other[i] = static_cast<char>(other[i] ^ 0x20);
      CHECK(find_command(other) == nullptr);
      const CommandRow* const prefix = find_command(name.substr(0, i));
      CHECK((prefix == nullptr || prefix->name == name.substr(0, i)));
    }
    CHECK(find_command(name + "x") == nullptr);
  }
  CHECK(find_command("") == nullptr);
}

TEST_CASE("lines are normalised and lose what makes them quiet") {
  CHECK(forwarded_line("  get  a   b \n") == "get a b\r\n");
  CHECK(forwarded_line("bget a b\r\n") == "get a b\r\n");
  CHECK(forwarded_line("gat 10  a\r\n") == "gat 10 a\r\n");
  CHECK(forwarded_line("set a 1 2 3 noreply\r\nabc\r\n") == "set a 1 2 3\r\n");
  CHECK(forwarded_line("set a 1 2 3 junk\nabc\r\n") == "set a 1 2 3\r\n");
  CHECK(forwarded_line("cas a 1 2 3 4 noreply\r\nabc\r\n") == "cas a 1 2 3 4\r\n");
  CHECK(forwarded_line("incr noreply 1 noreply\r\n") == "incr noreply 1\r\n");
  CHECK(forwarded_line("touch a 5 noreply\r\n") == "touch a 5\r\n");
  CHECK(forwarded_line("delete noreply\r\n") == "delete noreply\r\n");
  CHECK(forwarded_line("delete a 0 noreply\r\n") == "delete a\r\n");
  CHECK(forwarded_line("delete a 0\r\n") == "delete a\r\n");
  CHECK(forwarded_line("flush_all\r\n") == "flush_all\r\n");
  CHECK(forwarded_line("flush_all noreply\r\n") == "flush_all\r\n");
  CHECK(forwarded_line("flush_all 10 noreply\r\n") == "flush_all 10\r\n");
  CHECK(forwarded_line("flush_all 10\r\n") == "flush_all 10\r\n");
  CHECK(forwarded_line("stats settings\r\n") == "stats settings\r\n");
  CHECK(forwarded_line("mg quiet q v Oq\r\n") == "mg quiet v Oq\r\n");
  CHECK(forwarded_line("ms a 1 T0 quiet c\r\nx\r\n") == "ms a 1 T0 c\r\n");
  CHECK(forwarded_line("me a q\r\n") == "me a q\r\n");
}

TEST_CASE("which requests are quiet, and what that hides") {
  CHECK(forward("set a 0 0 1 noreply\r\nx\r\n").quiet == Quiet::noreply);
  CHECK(forward("set a 0 0 1 junk\r\nx\r\n").quiet == Quiet::none);
  CHECK(forward("set noreply 0 0 1\r\nx\r\n").quiet == Quiet::none);
  CHECK(forward("delete noreply\r\n").quiet == Quiet::none);
  CHECK(forward("delete a noreply\r\n").quiet == Quiet::noreply);
  CHECK(forward("flush_all noreply\r\n").quiet == Quiet::noreply);
  CHECK(forward("get noreply\r\n").quiet == Quiet::none);
  CHECK(forward("mg q v\r\n").quiet == Quiet::none);
  CHECK(forward("mg a v q\r\n").quiet == Quiet::mg);
  CHECK(forward("ms a 1 q\r\nx\r\n").quiet == Quiet::ms);
  CHECK(forward("md a q\r\n").quiet == Quiet::md);
  CHECK(forward("ma a q\r\n").quiet == Quiet::ma);
  CHECK(forward("me a q\r\n").quiet == Quiet::none);
  struct Case {
    Quiet quiet;
    const char* hidden;  // codes, a blank between
    const char* shown;
  };
  constexpr Case kCases[] = {
      {Quiet::none, "", "HD EN NF NS EX VA MN ERROR CLIENT_ERROR STORED"},
      {Quiet::noreply, "STORED NOT_STORED EXISTS ERROR CLIENT_ERROR SERVER_ERROR 5", ""},
      {Quiet::mg, "EN", "HD VA NF ERROR CLIENT_ERROR ENOUGH"},
      {Quiet::ms, "HD", "NS EX NF CLIENT_ERROR SERVER_ERROR HDD"},
      {Quiet::md, "HD", "NF EX CLIENT_ERROR"},
      {Quiet::ma, "HD VA", "NF EX NS CLIENT_ERROR"},
  };
  for (const Case& one : kCases) {
    for (const bool hidden : {true, false}) {
      std::string codes = hidden ? one.hidden : one.shown;
      while (!codes.empty()) {
        const std::string code = codes.substr(0, codes.find(' '));
        codes.erase(0, code.size() + 1);
        CAPTURE(code);
        CHECK(is_hidden(one.quiet, code + "\r\n") == hidden);
        CHECK(is_hidden(one.quiet, code + " c5\r\n") == hidden);
      }
    }
  }
  CHECK_FALSE(is_hidden(Quiet::mg, "EN"));
}

TEST_CASE("both spellings of a key are routed alike") {
  CHECK(key_of("get abc\r\n") == "abc");
  CHECK(key_of("gats 5 abc def\r\n") == "abc");
  CHECK(key_of("mg abc v\r\n") == "abc");
  CHECK(key_of("mg YWJj v b\r\n") == "abc");
  CHECK(key_of("mg YWJj v\r\n") == "YWJj");
  CHECK(key_of("ms YWJj 1 b\r\nx\r\n") == "abc");
  CHECK(key_of("md YW!Jj base\r\n") == "abc");
  CHECK(key_of("ma YQ== b\r\n") == "a");
  CHECK(key_of("mg !!! b\r\n") == "!!!");  // its server refuses it
  CHECK(key_of("me YWJj b\r\n") == "abc");
  CHECK(key_of("me YWJj k b\r\n") == "YWJj");
}

TEST_CASE("base64 is decoded as memcached does, and as the oracle says") {
  char out[256];
  const auto decode = [&out](std::string_view text) {
    return std::string(out, decode_base64(text, out));
  };
  CHECK(decode("YWJj") == "abc");
  CHECK(decode("YWI=") == "ab");
  CHECK(decode("YQ==") == "a");
  CHECK(decode("YQ==YQ==") == "a");
  CHECK(decode("Y===") == "");
  CHECK(decode("====") == "");
  CHECK(decode("YWJ") == "");
  CHECK(decode("!!") == "");
  CHECK(decode("Y W\nJ-j") == "abc");
  Prng prng(20261125);
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (u64 left = prng.below(prng.chance(1, 20) ? 251 : 14); left != 0; --left) {
      constexpr std::string_view kLetters = "ABZabz019+/==!-";
      text += kLetters[prng.below(kLetters.size())];
    }
    CAPTURE(text);
    REQUIRE(decode(text) == RequestOracle::oracle_base64(text));
  }
}
