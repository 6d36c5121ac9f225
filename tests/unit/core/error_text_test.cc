#include "core/error_text.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <set>
#include <string>

#include "ringfold/proto/command.h"

using namespace ringfold;

TEST_CASE("every failure has a text of its own that names the server") {
  std::set<std::string> texts;
  for (u8 i = 0; i <= static_cast<u8>(Failure::keys_moved); ++i) {
    const std::string line = failure_line(Protocol::redis, static_cast<Failure>(i), "beta");
    CAPTURE(line);
    CHECK(line.starts_with("-ERR ringfold: server \"beta\" "));
    CHECK(line.ends_with("\r\n"));
    CHECK(line.find_first_of("\r\n") == line.size() - 2);
    CHECK(texts.insert(line).second);
  }
}

TEST_CASE("the words that users match on stay") {
  CHECK(failure_line(Protocol::redis, Failure::timed_out, "beta") ==
        "-ERR ringfold: server \"beta\" timed out\r\n");
  CHECK(failure_line(Protocol::memcached, Failure::refused, "beta") ==
        "SERVER_ERROR ringfold: server \"beta\" refused the connection\r\n");
  CHECK(failure_line(Protocol::redis, Failure::password_refused, "b", "WRONGPASS no") ==
        "-ERR ringfold: server \"b\" refused the password: WRONGPASS no\r\n");
}

TEST_CASE("errors of connect become what they mean") {
  CHECK(failure_of_connect(-ECONNREFUSED) == Failure::refused);
  CHECK(failure_of_connect(-ENOENT) == Failure::refused);
  CHECK(failure_of_connect(-EHOSTUNREACH) == Failure::unreachable);
  CHECK(failure_of_connect(-EMFILE) == Failure::out_of_descriptors);
  CHECK(failure_of_stream(0) == Failure::closed);
  CHECK(failure_of_stream(-ECONNRESET) == Failure::reset);
}

TEST_CASE("every refused command says why, in words of its kind") {
  std::set<std::string> reasons;
  u32 refused = 0;
  for (const CommandSpec& command : resp::command_table()) {
    if (command.route != Route::refused) continue;
    ++refused;
    const std::string text = refusal_text(command);
    CAPTURE(text);
    CHECK(text.starts_with("ERR ringfold: '"));
    const std::size_t colon = text.find("is refused: ");
    REQUIRE(colon != std::string::npos);
    reasons.insert(text.substr(colon));
  }
  CHECK(refused > 50);
  CHECK(reasons.size() == 7);
}
