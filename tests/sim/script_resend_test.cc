// Scripts: requests that waited for a connection which never came about go to the server that has
// their keys once theirs is ejected.
#include <doctest/doctest.h>

#include "script.h"
#include "toy_resp.h"

using namespace ringfold;
using namespace ringfold::sim;
using toy::command;

namespace {

const std::string kPing = command({"PING"});
const std::string kPong = "+PONG\r\n";

std::string get(const std::string& key) {
  return command({"get", key});
}

// Nobody has asked the first server for anything yet.
void start_with_dead_first(Script& s, u32 servers, u32 failure_limit) {
  s.pool.preconnect = false;
  s.pool.auto_eject_hosts = true;
  s.pool.server_failure_limit = failure_limit;
  s.pool.server_retry_timeout_ms = 100;
  s.backend(0).refuses();
  s.start(servers);
}

}  // namespace

TEST_CASE("a server that refuses costs no error where keys move, and each request goes once") {
  play_script([](Script& s) {
    start_with_dead_first(s, 2, 3);
    const std::string set = command({"set", s.key(0), "v"});
    s.client().says(set + get(s.key(0)));
    s.backend(1).hears(set + get(s.key(0)));
    s.backend(1).hears_nothing();
    s.backend(1).says("+OK\r\n$1\r\nv\r\n");
    s.client().hears("+OK\r\n$1\r\nv\r\n");
  });
}

TEST_CASE("their order stays, and replies go to those who asked") {
  play_script([](Script& s) {
    start_with_dead_first(s, 2, 2);
    s.client().says(get(s.key(1)) + get(s.key(0)) + command({"ping"}) + get(s.key(0, 1)));
    s.backend(1).hears(get(s.key(1)) + get(s.key(0)) + get(s.key(0, 1)));
    s.backend(1).says("$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
    s.client().hears("$1\r\n1\r\n$1\r\n2\r\n+PONG\r\n$1\r\n3\r\n");
    s.backend(0).accepts();
    s.backend(0).hears(kPing);
    s.backend(0).says(kPong);
    s.advance(10);
    s.client().says(get(s.key(0)));
    s.backend(0).hears(get(s.key(0)));
    s.backend(0).says(":1\r\n");
    s.client().hears(":1\r\n");
  });
}

TEST_CASE("a part of a command goes to where its keys are") {
  play_script([](Script& s) {
    start_with_dead_first(s, 2, 2);
    s.client().says(command({"mget", s.key(0), s.key(1), s.key(0, 1)}));
    s.backend(1).hears(command({"mget", s.key(1)}) + command({"mget", s.key(0), s.key(0, 1)}));
    s.backend(1).says("*1\r\n$1\r\nb\r\n*2\r\n$1\r\na\r\n$1\r\nc\r\n");
    s.client().hears("*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
  });
}

TEST_CASE("a command without keys was meant for that server and fails") {
  play_script([](Script& s) {
    start_with_dead_first(s, 2, 2);
    s.client().says(command({"dbsize"}));
    s.backend(1).hears(command({"dbsize"}));
    s.backend(1).says(":1\r\n");
    s.client().hears_error("\"s0\" refused the connection");
  });
}

TEST_CASE("who has left is not asked for") {
  play_script([](Script& s) {
    s.pool.password = "wrong";
    start_with_dead_first(s, 2, 2);
    s.backend(0).accepts();
    const std::string auth = command({"AUTH", "wrong"});
    s.client(0).says(get(s.key(0)));
    s.client(1).says(get(s.key(0, 1)));
    s.backend(0).hears(auth);
    s.client(0).resets();
    s.advance(10);
    s.backend(0).says("-WRONGPASS\r\n");
    s.backend(0).hears(auth);
    s.backend(0).says("-WRONGPASS\r\n");
    s.backend(1).hears(auth);
    s.backend(1).says("+OK\r\n");
    s.backend(1).hears(get(s.key(0, 1)));
    s.backend(1).says(":2\r\n");
    s.client(1).hears(":2\r\n");
  });
}

TEST_CASE("what waits for a connection goes along when the keys move") {
  play_script([](Script& s) {
    s.pool.preconnect = false;
    s.pool.server_connections = 2;
    s.pool.auto_eject_hosts = true;
    s.pool.server_failure_limit = 1;
    s.pool.server_retry_timeout_ms = 400;
    s.pool.connect_timeout_ms = 1500;
    s.start(2);
    s.client(0).connects();
    s.client(1).connects();
    s.client(1).says(get(s.key(0)));
    s.backend(0).hears(get(s.key(0)));
    s.backend(0).is_silent();
    const std::string set = command({"set", s.key(0), "v"});
    s.client(0).says(set);
    s.advance(20);
    s.backend(0).resets();
    s.client(1).hears_error("\"s0\" broke the connection");
    s.client(0).says(get(s.key(0)));
    s.backend(1).hears(set + get(s.key(0)));
    s.backend(1).says("+OK\r\n$1\r\nv\r\n");
    s.client(0).hears("+OK\r\n$1\r\nv\r\n");
  });
}

TEST_CASE("what waits with several keys fails when they come to be on several servers") {
  play_script([](Script& s) {
    s.pool.preconnect = false;
    s.pool.server_connections = 2;
    s.pool.auto_eject_hosts = true;
    s.pool.server_failure_limit = 1;
    s.pool.connect_timeout_ms = 1500;
    s.pool.sharding.hash = HashKind::md5;  // so that keys alike are far apart
    s.start(3);
    s.client(0).connects();
    s.client(1).connects();
    s.client(1).says(get(s.key(0)));
    s.backend(0).hears(get(s.key(0)));
    s.backend(0).is_silent();
    std::vector<std::string> mget = {"mget"};
    for (u32 i = 0; i < 5; ++i) mget.push_back(s.key(0, i));
    s.client(0).says(command(mget) + command({"ping"}));
    s.advance(20);
    s.backend(0).resets();
    s.client(1).hears_error("\"s0\" broke the connection");
    s.client(0).hears_error("\"s0\" no longer has all keys of the request");
    s.client(0).hears(kPong);
    s.backend(1).hears_nothing();
    s.backend(2).hears_nothing();
  });
}

TEST_CASE("who was not read because much waited for a server is read again when it has moved") {
  play_script([](Script& s) {
    s.pool.preconnect = false;
    s.pool.server_connections = 2;
    s.pool.auto_eject_hosts = true;
    s.pool.server_failure_limit = 1;
    s.pool.connect_timeout_ms = 1500;
    s.pool.server_pending_limit = 4;
    s.start(2);
    s.client(0).connects();
    s.client(1).connects();
    s.client(1).says(get(s.key(0)));
    s.backend(0).hears(get(s.key(0)));
    s.backend(0).is_silent();
    const std::string gets = get(s.key(0)) + get(s.key(0, 1)) + get(s.key(0, 2));
    s.client(0).says(gets);
    s.advance(20);
    s.backend(0).resets();
    s.client(1).hears_error("\"s0\" broke the connection");
    s.backend(1).hears(gets);
    s.backend(1).says("$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
    s.client(0).hears("$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
    s.client(0).says(get(s.key(1)));
    s.backend(1).hears(get(s.key(1)));
  });
}

TEST_CASE("with every server dead each request gets one error") {
  play_script([](Script& s) {
    s.backend(1).refuses();
    start_with_dead_first(s, 2, 2);
    s.client().says(get(s.key(0)) + get(s.key(1)) + command({"mget", s.key(0), s.key(1)}));
    for (int i = 0; i < 3; ++i) s.client().hears_error("refused the connection");
    s.client().hears_nothing();
  });
}

TEST_CASE("a server that may fail often lets its clients know after a few tries") {
  play_script([](Script& s) {
    start_with_dead_first(s, 2, 1000);
    s.client().says(get(s.key(0)));
    s.client().hears_error("\"s0\" refused the connection");
  });
}

TEST_CASE("memcached requests go with their data, each for itself") {
  play_script([](Script& s) {
    s.pool.protocol = Protocol::memcached;
    start_with_dead_first(s, 2, 2);
    const std::string key = s.key(0);
    const std::string set = "set " + key + " 0 0 3\r\na\r\n\r\n";
    s.client().says(set + "get " + key + "\r\nmg " + key + " v q\r\nmn\r\n");
    s.backend(1).hears(set + "get " + key + "\r\nmg " + key + " v\r\n");
    s.backend(1).says("STORED\r\nEND\r\nEN\r\n");
    s.client().hears("STORED\r\nEND\r\nMN\r\n");
  });
}
