// Scripts: passwords and databases, on both sides.
#include <doctest/doctest.h>

#include "script.h"
#include "toy_resp.h"

using namespace ringfold;
using namespace ringfold::sim;
using toy::command;

namespace {

const std::string kPing = command({"PING"});
const std::string kAuth = command({"AUTH", "geheim"});
const std::string kSelect = command({"SELECT", "3"});
const std::string kGet = command({"get", "k"});

}  // namespace

TEST_CASE("AUTH, then SELECT, then the first request, on every new connection") {
  play_script([](Script& s) {
    s.pool.password = "geheim";
    s.pool.database = 3;
    s.start(1);
    s.client().says(kGet);
    for (u32 i = 0; i < 2; ++i) {
      s.backend().hears(kAuth);
      s.backend().says("+OK\r\n");
      s.backend().hears(kSelect);
      s.backend().hears_nothing();
      s.backend().says("+OK\r\n");
      s.backend().hears(kGet);
      s.backend().says("$1\r\nv\r\n");
      s.client().hears("$1\r\nv\r\n");
      s.backend().closes();
      s.advance(10);
      s.client().says(kGet);
    }
  });
}

TEST_CASE("a server that refuses the password is down with a reason and never sent a request") {
  play_script([](Script& s) {
    s.pool.password = "geheim";
    s.pool.preconnect = false;
    s.start(1);
    s.client().says(kGet);
    s.backend().hears(kAuth);
    s.backend().says("-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    s.client().hears_error("\"s0\" refused the password: WRONGPASS");
    // It is asked again now and then, but nobody's request goes there.
    s.client().says(kGet);
    s.client().hears_error("\"s0\" refused the password: WRONGPASS");
    s.backend().hears(kAuth + kPing);
    s.backend().says("+OK\r\n+PONG\r\n");
    s.advance(10);
    s.client().says(kGet);
    s.backend().hears(kGet);
  });
}

TEST_CASE("a server that refuses the database is down with a reason and never sent a request") {
  play_script([](Script& s) {
    s.pool.database = 3;
    s.pool.preconnect = false;
    s.start(1);
    s.client().says(kGet);
    s.backend().hears(kSelect);
    s.backend().says("-ERR DB index is out of range\r\n");
    s.client().hears_error("\"s0\" refused the database: ERR DB index");
    s.client().says(kGet);
    s.client().hears_error("\"s0\" refused the database: ERR DB index");
    s.backend().hears(kSelect + kPing);
  });
}

TEST_CASE("before client_password is given every command gets NOAUTH") {
  play_script([](Script& s) {
    s.pool.client_password = "sesam";
    s.start(1);
    s.client().says(kGet + command({"auth", "wrong"}) + kGet);
    s.client().hears_line("-NOAUTH");
    s.client().hears_line("-WRONGPASS");
    s.client().hears_line("-NOAUTH");
    s.client().says(command({"auth", "sesam"}) + kGet);
    s.client().hears("+OK\r\n");
    s.backend().hears(kGet);
    s.backend().says("$1\r\nv\r\n");
    s.client().hears("$1\r\nv\r\n");
    s.client(1).says(kGet);
    s.client(1).hears_line("-NOAUTH");
  });
}
