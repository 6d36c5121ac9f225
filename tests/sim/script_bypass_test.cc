// Scripts: others do not wait behind something large.
#include <doctest/doctest.h>

#include "script.h"
#include "toy_resp.h"

using namespace ringfold;
using namespace ringfold::sim;
using toy::command;

namespace {

// A reply that has begun and goes on for long.
const std::string kBegun = "$5000000\r\n" + std::string(70'000, 'x');

std::string get(const std::string& key) {
  return command({"get", key});
}

void begin_large_reply(Script& s) {
  s.client(0).says(get("large"));
  s.backend().hears(get("large"));
  s.backend().says(kBegun);
  s.client(0).hears(kBegun);
}

}  // namespace

TEST_CASE("while a large reply comes others have a connection of their own") {
  play_script([](Script& s) {
    s.start(1);
    begin_large_reply(s);
    s.client(1).says(get("small"));
    s.backend().hears(get("small"));
    s.backend().is_connected(2);
    s.backend().says("$1\r\n1\r\n");
    s.client(1).hears("$1\r\n1\r\n");
    s.client(2).says(command({"mget", "a", "b"}));
    s.backend().hears(command({"mget", "a", "b"}));
    s.backend().is_connected(2);
    s.backend().says("*2\r\n$-1\r\n$-1\r\n");
    s.client(2).hears("*2\r\n$-1\r\n$-1\r\n");
  });
}

TEST_CASE("a client that has begun on one connection stays on it until it is answered") {
  play_script([](Script& s) {
    s.start(1);
    s.client(1).says(get("before"));
    s.backend().hears(get("before"));
    s.client(0).says(get("large"));
    s.backend().hears(get("large"));
    s.backend().says("$1\r\n1\r\n" + kBegun);
    s.client(1).hears("$1\r\n1\r\n");
    s.client(0).hears(kBegun);
    // Behind its own large reply.
    s.client(0).says(get("own"));
    s.backend().hears(get("own"));
    s.backend().is_connected(1);
    s.client(1).says(get("first"));
    s.backend().hears(get("first"));
    s.backend().is_connected(2);
    s.client(1).says(get("second"));
    s.backend().hears(get("second"));
    s.backend().says("$1\r\n1\r\n");
    s.client(1).hears("$1\r\n1\r\n");
    s.backend().says("$1\r\n2\r\n");
    s.client(1).hears("$1\r\n2\r\n");
  });
}

TEST_CASE("the bypass closes when it is not needed") {
  play_script([](Script& s) {
    s.pool.timeout_ms = 4000;
    s.start(1);
    begin_large_reply(s);
    s.client(1).says(get("small"));
    s.backend().hears(get("small"));
    s.backend().says("$1\r\n1\r\n");
    s.client(1).hears("$1\r\n1\r\n");
    s.advance(11'000);
    s.backend().hears_close();
    s.client(1).says(get("small"));
    s.backend().hears(get("small"));
    s.backend().is_connected(3);
    s.backend().says("$1\r\n2\r\n");
    s.client(1).hears("$1\r\n2\r\n");
  });
}

TEST_CASE("a bypass that breaks costs its own requests only") {
  play_script([](Script& s) {
    s.start(1);
    begin_large_reply(s);
    s.client(1).says(get("small"));
    s.backend().hears(get("small"));
    s.backend().resets();
    s.client(1).hears_error("\"s0\" broke the connection");
    s.client(0).hears_nothing();
    s.client(1).says(get("again"));
    s.backend().hears(get("again"));
    s.backend().says("$-1\r\n");
    s.client(1).hears("$-1\r\n");
  });
}
