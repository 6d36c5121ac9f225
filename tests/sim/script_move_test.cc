// Scripts: servers whose names get their address late, or another one. backend(1) stands at the
// place that the name of server 0 moves to.
#include <doctest/doctest.h>

#include "script.h"
#include "toy_resp.h"

using namespace ringfold;
using namespace ringfold::sim;
using toy::command;

namespace {

std::string get(const std::string& key) {
  return command({"get", key});
}

const std::string kPing = command({"PING"});

}  // namespace

TEST_CASE("a server without an address fails its requests at once, the others serve") {
  play_script([](Script& s) {
    s.named = {0};
    s.start(2);
    s.client().says(get(s.key(0)) + get(s.key(1)) + get(s.key(0, 1)));
    s.client().hears_error("server \"s0\" has a host name without an address");
    s.backend(1).hears(get(s.key(1)));
    s.backend(1).says("$1\r\nv\r\n");
    s.client().hears("$1\r\nv\r\n");
    s.client().hears_error("server \"s0\" has a host name without an address");
    s.backend(0).is_connected(0);
    s.moves(0, 0);
    s.backend(0).hears(kPing);  // at once, before anybody asks
    s.backend(0).says("+PONG\r\n");
    s.advance(10);
    s.client().says(get(s.key(0)));
    s.backend(0).hears(get(s.key(0)));
    s.backend(0).says("$1\r\nw\r\n");
    s.client().hears("$1\r\nw\r\n");
  });
}

TEST_CASE("a server that fails has its name looked at again, at most once a second") {
  play_script([](Script& s) {
    s.named = {0};
    s.start(2);
    for (u32 i = 0; i < 3; ++i) {
      s.client().says(get(s.key(0)));
      s.client().hears_error("\"s0\"");
    }
    s.advance(5);
    s.asked_for_lookup(1);
    s.moves(0, 0);
    s.backend(0).hears(kPing);
    s.backend(0).says("+PONG\r\n");
    s.advance(1000);
    s.client().says(get(s.key(0)));
    s.backend(0).hears(get(s.key(0)));
    s.backend(0).resets();
    s.client().hears_error("\"s0\"");
    s.advance(5);
    s.asked_for_lookup(2);
    // Server 1 has a numeric address: there is nothing to look up.
    s.client().says(get(s.key(1)));
    s.backend(1).hears(get(s.key(1)));
    s.backend(1).resets();
    s.client().hears_error("\"s1\"");
    s.advance(5);
    s.asked_for_lookup(2);
  });
}

TEST_CASE("an idle connection to a former address is closed at once") {
  play_script([](Script& s) {
    s.start(1);
    s.backend(0).is_connected(1);
    s.moves(0, 1);
    s.backend(0).hears_close();
    s.client().says(get("k"));
    s.backend(1).hears(get("k"));
    s.backend(1).says("$1\r\nv\r\n");
    s.client().hears("$1\r\nv\r\n");
    s.backend(0).is_connected(1);
    s.backend(1).is_connected(1);
  });
}

TEST_CASE("what was asked at a former address is answered there, in its place") {
  play_script([](Script& s) {
    s.start(1);
    s.client(0).says(get("a") + get("b"));
    s.backend(0).hears(get("a") + get("b"));
    s.moves(0, 1);
    s.backend(1).is_connected(1);
    s.client(0).says(get("c"));
    s.backend(1).hears(get("c"));
    s.client(1).says(get("d"));
    s.backend(1).hears(get("d"));
    s.backend(1).says("$1\r\nc\r\n$1\r\nd\r\n");
    s.client(1).hears("$1\r\nd\r\n");
    s.client(0).hears_nothing();
    s.backend(0).says("$1\r\na\r\n");
    s.client(0).hears("$1\r\na\r\n");
    s.backend(0).says("$1\r\nb\r\n");
    s.client(0).hears("$1\r\nb\r\n$1\r\nc\r\n");
    s.backend(0).hears_close();
  });
}

TEST_CASE("what waits for a connection goes to the new address, in front of what comes later") {
  play_script([](Script& s) {
    s.pool.preconnect = false;
    s.pool.connect_timeout_ms = 1500;
    s.backend(0).is_silent();
    s.start(1);
    s.client().says(get("a") + command({"dbsize"}) + get("b"));
    s.advance(20);
    s.moves(0, 1);
    s.client().says(command({"set", "a", "v"}));
    s.backend(1).hears(get("a") + command({"dbsize"}) + get("b") + command({"set", "a", "v"}));
    s.backend(1).says("$-1\r\n:0\r\n$-1\r\n+OK\r\n");
    s.client().hears("$-1\r\n:0\r\n$-1\r\n+OK\r\n");
    s.backend(1).is_connected(1);
  });
}

TEST_CASE("a former address that dies fails its own requests only, and does not count") {
  play_script([](Script& s) {
    s.named = {0};
    s.start(1);
    s.moves(0, 0);
    s.client(0).says(get("a"));
    s.backend(0).hears(get("a"));
    s.moves(0, 1);
    s.client(1).says(get("b"));
    s.backend(1).hears(get("b"));
    s.backend(0).resets();
    s.client(0).hears_error("server \"s0\" broke the connection");
    s.backend(1).says("$1\r\nb\r\n");
    s.client(1).hears("$1\r\nb\r\n");
    s.advance(5);
    s.asked_for_lookup(0);
    s.backend(1).is_connected(1);
  });
}

TEST_CASE("a former address that never answers is given up without a timeout, too") {
  play_script([](Script& s) {
    s.pool.timeout_ms = 0;
    s.start(1);
    s.client(0).says(get("a"));
    s.backend(0).hears(get("a"));
    s.moves(0, 1);
    s.advance(9'900);
    s.client(0).hears_nothing();
    s.advance(100);
    s.client(0).hears_error("server \"s0\" timed out");
    s.backend(0).hears_close();
    s.client(0).says(get("b"));
    s.backend(1).hears(get("b"));
    s.backend(1).says("$1\r\nb\r\n");
    s.client(0).hears("$1\r\nb\r\n");
  });
}

TEST_CASE("a former address is left when all that is to come from it is late") {
  play_script([](Script& s) {
    s.pool.timeout_ms = 400;
    s.start(1);
    s.client().says(get("a"));
    s.backend(0).hears(get("a"));
    s.moves(0, 1);
    s.client().hears_error("server \"s0\" timed out");
    s.backend(0).hears_close();
  });
}

TEST_CASE("a large reply from a former address arrives whole") {
  play_script([](Script& s) {
    s.start(1);
    const std::string reply = toy::bulk(std::string(300'000, 'x'));
    s.client().says(get("big"));
    s.backend(0).hears(get("big"));
    s.backend(0).says(std::string_view(reply).substr(0, 100'000));
    s.advance(1);
    s.moves(0, 1);
    s.backend(1).is_connected(1);
    s.backend(0).says(std::string_view(reply).substr(100'000));
    s.client().hears(reply);
    s.backend(0).hears_close();
  });
}

TEST_CASE("a server that moves there and back and away with requests everywhere") {
  play_script([](Script& s) {
    s.pool.server_connections = 2;
    s.start(1);
    s.backend(0).is_connected(2);
    s.client(0).says(get("a0"));
    s.backend(0).hears(get("a0"));
    s.backend(0).says("$2\r\na0\r\n");
    s.client(0).hears("$2\r\na0\r\n");
    s.client(1).says(get("a1"));
    s.backend(0).hears(get("a1"));
    s.moves(0, 1);
    s.backend(1).is_connected(2);
    s.client(0).says(get("b0"));
    s.backend(1).hears(get("b0"));
    s.moves(0, 0);
    s.backend(0).is_connected(4);
    s.moves(0, 2);
    s.backend(2).is_connected(2);
    s.client(0).says(get("c0"));
    s.backend(2).hears(get("c0"));
    s.backend(2).says("$2\r\nc0\r\n");
    s.client(0).hears_nothing();
    s.backend(1).says("$2\r\nb0\r\n");
    s.client(0).hears("$2\r\nb0\r\n$2\r\nc0\r\n");
    s.backend(1).hears_close();
    s.backend(0).says("$2\r\na1\r\n");
    s.client(1).hears("$2\r\na1\r\n");
    s.backend(0).hears_close();
  });
}

TEST_CASE("a drain waits for what was asked at a former address") {
  play_script([](Script& s) {
    s.start(1);
    s.client().says(get("a"));
    s.backend(0).hears(get("a"));
    s.moves(0, 1);
    s.backend(1).is_connected(1);
    s.drain();
    s.client().hears_nothing();
    s.backend(0).says("$1\r\na\r\n");
    s.client().hears("$1\r\na\r\n");
    s.client().hears_close();
    s.finishes();
  });
}
