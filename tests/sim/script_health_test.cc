// Scripts: servers that are down or ejected are not asked, and come back when a probe is answered.
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

void serve(Script& s, u32 server, const std::string& key) {
  s.client().says(get(key));
  s.backend(server).hears(get(key));
  s.backend(server).says("$1\r\nv\r\n");
  s.client().hears("$1\r\nv\r\n");
}

// A pool of two whose first server has one failure to go.
void start_with_ejection(Script& s, OnFailure on_failure) {
  s.pool.auto_eject_hosts = true;
  s.pool.on_failure = on_failure;
  s.pool.server_failure_limit = 2;
  s.pool.server_retry_timeout_ms = 300;
  s.start(2);
  s.client().says(get(s.key(0)));
  s.backend(0).hears(get(s.key(0)));
  s.backend(0).resets();
  s.client().hears_error("\"s0\" broke the connection");
}

// Its second failure.
void eject(Script& s) {
  s.client().says(get(s.key(0)));
  s.backend(0).hears(get(s.key(0)));
  s.backend(0).resets();
  s.client().hears_error("\"s0\" broke the connection");
}

}  // namespace

TEST_CASE("requests for a server that is down fail at once and connect nothing") {
  play_script([](Script& s) {
    s.pool.preconnect = false;
    s.pool.connect_timeout_ms = 400;
    s.backend(0).is_silent();
    s.start(1);
    s.client().says(get("a"));
    s.client().hears_error("\"s0\" timed out (no connection within connect_timeout_ms)");
    // The probe will be waiting for its connection; nobody else does.
    s.advance(100);
    for (int i = 0; i < 5; ++i) {
      s.client().says(get("a"));
      s.client().hears_error("\"s0\" timed out (no connection");
    }
    s.backend(0).is_connected(0);
  });
}

TEST_CASE("a server that is down serves again after a probe was answered, not before") {
  play_script([](Script& s) {
    s.backend(0).refuses();
    s.start(1);
    s.client().says(get("a"));
    s.client().hears_error("\"s0\" refused the connection");
    s.backend(0).accepts();
    s.backend(0).hears(kPing);
    s.client().says(get("a"));
    s.client().hears_error("\"s0\" refused the connection");
    s.backend(0).says(kPong);
    s.advance(10);
    serve(s, 0, "a");
  });
}

TEST_CASE("a server that is loading its data stays down") {
  play_script([](Script& s) {
    s.backend(0).refuses();
    s.start(1);
    s.client().says(get("a"));
    s.client().hears_error("\"s0\"");
    s.backend(0).accepts();
    s.backend(0).hears(kPing);
    s.backend(0).says("-LOADING Redis is loading the dataset in memory\r\n");
    s.advance(10);
    s.client().says(get("a"));
    s.client().hears_error("\"s0\" is not ready: LOADING Redis is loading the dataset in memory");
    s.backend(0).hears(kPing);
    s.backend(0).says(kPong);
    s.advance(10);
    serve(s, 0, "a");
  });
}

TEST_CASE("an ejected server's keys move, and return when a probe was answered") {
  play_script([](Script& s) {
    start_with_ejection(s, OnFailure::rehash);
    eject(s);
    serve(s, 1, s.key(0));
    serve(s, 1, s.key(1));
    s.backend(0).hears(kPing);
    serve(s, 1, s.key(0));
    s.backend(0).says("-LOADING\r\n");
    s.advance(10);
    serve(s, 1, s.key(0));
    s.backend(0).hears(kPing);
    s.backend(0).says(kPong);
    s.advance(10);
    serve(s, 0, s.key(0));
    serve(s, 1, s.key(1));
  });
}

TEST_CASE("with on_failure = error an ejected server's keys fail at once") {
  play_script([](Script& s) {
    start_with_ejection(s, OnFailure::error);
    eject(s);
    s.client().says(get(s.key(0)) + command({"mget", s.key(0), s.key(1)}));
    s.client().hears_error("\"s0\" is ejected: broke the connection");
    s.backend(1).hears(command({"mget", s.key(1)}));
    s.backend(1).says("*1\r\n$1\r\nv\r\n");
    s.client().hears_error("\"s0\" is ejected: broke the connection");
    serve(s, 1, s.key(1));
    s.backend(0).hears(kPing);
    s.backend(0).says(kPong);
    s.advance(10);
    serve(s, 0, s.key(0));
  });
}

TEST_CASE("a reply takes the failures before it back") {
  play_script([](Script& s) {
    start_with_ejection(s, OnFailure::rehash);
    for (int i = 0; i < 3; ++i) {
      serve(s, 0, s.key(0));
      eject(s);  // one failure since the last reply, so it is not
    }
    serve(s, 0, s.key(0));
  });
}

TEST_CASE("a server that closes an idle connection has not failed") {
  play_script([](Script& s) {
    start_with_ejection(s, OnFailure::rehash);
    for (int i = 0; i < 3; ++i) {
      serve(s, 0, s.key(0));
      s.backend(0).closes();
      s.advance(10);
    }
    serve(s, 0, s.key(0));
  });
}

TEST_CASE("with all servers ejected every request gets an error") {
  play_script([](Script& s) {
    s.pool.auto_eject_hosts = true;
    s.pool.server_failure_limit = 1;
    s.pool.server_retry_timeout_ms = 5000;
    s.backend(0).refuses();
    s.backend(1).refuses();
    s.start(2);
    s.advance(50);
    for (int i = 0; i < 3; ++i) {
      s.client().says(get(s.key(0)) + get(s.key(1)) + command({"mget", s.key(0), s.key(1)}) +
                      command({"dbsize"}));
      s.client().hears_error("\"s0\" is ejected: refused the connection");
      s.client().hears_error("\"s1\" is ejected: refused the connection");
      s.client().hears_error("is ejected");
      s.client().hears_error("is ejected");
    }
  });
}

TEST_CASE("a server that says nothing is ejected for the requests that time out") {
  play_script([](Script& s) {
    s.pool.auto_eject_hosts = true;
    s.pool.server_failure_limit = 2;
    s.pool.server_retry_timeout_ms = 300;
    s.pool.timeout_ms = 100;
    s.start(2);
    // Those that time out together count once.
    s.client().says(get(s.key(0)) + get(s.key(0)) + get(s.key(0)));
    for (int i = 0; i < 3; ++i) s.client().hears_error("\"s0\" timed out");
    s.advance(20);
    s.client().says(get(s.key(0)));
    s.client().hears_error("\"s0\" timed out");
    s.advance(10);
    serve(s, 1, s.key(0));
  });
}

TEST_CASE(
    "who waits for a connection that gives way to a probe hears what is wrong with the server") {
  play_script([](Script& s) {
    s.pool.preconnect = false;
    s.pool.timeout_ms = 0;
    s.pool.server_connections = 2;
    s.pool.connect_timeout_ms = 600;
    s.start(1);
    s.client(0).connects();
    s.client(0).says(command({"ping"}));
    s.client(0).hears("+PONG\r\n");
    s.client(1).connects();
    s.backend().is_silent();
    s.client(1).says(get("a"));
    s.advance(20);
    s.backend().refuses();
    s.client(0).says(get("a"));
    s.client(0).hears_error("\"s0\" refused the connection");
    s.client(1).hears_error("\"s0\" refused the connection");
  });
}

TEST_CASE("a probe has its time, whatever server_retry_timeout_ms is") {
  play_script([](Script& s) {
    s.pool.auto_eject_hosts = true;
    s.pool.on_failure = OnFailure::error;
    s.pool.server_failure_limit = 1;
    s.pool.server_retry_timeout_ms = 100;
    s.pool.timeout_ms = 100;
    s.pool.connect_timeout_ms = 600;
    s.start(1);
    s.client().says(get("slow"));
    s.backend().hears(get("slow"));
    s.client().hears_error("\"s0\" timed out");
    // The probe takes the place of the connection that says nothing.
    s.backend().hears(kPing);
    s.backend().is_connected(2);
    s.advance(400);
    s.backend().is_connected(2);
    s.backend().says(kPong);
    s.advance(10);
    serve(s, 0, "again");
  });
}

TEST_CASE("a connection is closed when its front has been stuck for stall_timeout_ms") {
  play_script([](Script& s) {
    s.pool.timeout_ms = 100;
    s.pool.stall_timeout_ms = 300;
    s.start(1);
    s.client().says(get("slow") + get("next"));
    s.backend().hears(get("slow") + get("next"));
    s.client().hears_error("\"s0\" timed out");
    s.client().hears_error("\"s0\" timed out");
    s.advance(100);
    // A late reply frees the front: what stands behind it has its time anew.
    s.backend().says("$4\r\nlate\r\n");
    s.advance(200);
    s.client().says(get("more"));
    s.backend().hears(get("more"));
    s.client().hears_error("\"s0\" timed out");
    s.backend().hears_close();
    s.backend().hears(kPing);
    s.backend().says(kPong);
    s.advance(10);
    serve(s, 0, "again");
    s.client().hears_nothing();
  });
}

TEST_CASE("stall_timeout_ms holds where no timeout_ms is set") {
  play_script([](Script& s) {
    s.pool.timeout_ms = 0;
    s.pool.stall_timeout_ms = 300;
    s.start(1);
    s.client().says(get("slow"));
    s.backend().hears(get("slow"));
    s.advance(250);
    s.client().hears_nothing();
    s.client().hears_error("\"s0\" timed out");
    s.backend().hears_close();
  });
}
