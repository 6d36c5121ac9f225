// Scripts: servers and clients that die, stall or leave cost nobody but themselves.
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

}  // namespace

TEST_CASE("a server that resets fails what waits for it at once, and the next request reconnects") {
  play_script([](Script& s) {
    s.start(2);
    s.client().says(get(s.key(0)) + get(s.key(1)) + get(s.key(0, 1)));
    s.backend(0).hears(get(s.key(0)) + get(s.key(0, 1)));
    s.backend(1).hears(get(s.key(1)));
    s.backend(0).resets();
    s.client().hears_error("\"s0\"");
    s.backend(1).says("$1\r\nv\r\n");
    s.client().hears("$1\r\nv\r\n");
    s.client().hears_error("\"s0\"");
    s.client().says(get(s.key(0)));
    s.backend(0).hears(get(s.key(0)));
    s.backend(0).says("$3\r\nnew\r\n");
    s.client().hears("$3\r\nnew\r\n");
  });
}

TEST_CASE("a server that closes fails what waits for it at once, and the next request reconnects") {
  play_script([](Script& s) {
    s.start(1);
    s.client(0).says(get("a"));
    s.backend().hears(get("a"));
    s.client(1).says(get("b"));
    s.backend().hears(get("b"));
    s.backend().says("$1\r\na\r\n");
    s.backend().closes();
    s.client(0).hears("$1\r\na\r\n");
    s.client(1).hears_error("\"s0\"");
    s.client(1).says(get("c"));
    s.backend().hears(get("c"));
    s.backend().says("$1\r\nc\r\n");
    s.client(1).hears("$1\r\nc\r\n");
  });
}

TEST_CASE("a server that ends inside a small reply costs an error, not the client") {
  play_script([](Script& s) {
    s.start(1);
    s.client().says(get("k"));
    s.backend().hears(get("k"));
    s.backend().says("$10\r\nhalf");
    s.backend().closes();
    s.client().hears_error("\"s0\"");
    s.client().says(get("k"));
    s.backend().hears(get("k"));
    s.backend().says("$4\r\nfull\r\n");
    s.client().hears("$4\r\nfull\r\n");
  });
}

TEST_CASE("a server that ends inside a reply being passed on takes the client's connection along") {
  play_script([](Script& s) {
    s.start(1);
    const std::string reply = toy::bulk(std::string(200'000, 'x'));
    s.client().says(get("k"));
    s.backend().hears(get("k"));
    s.backend().says(std::string_view(reply).substr(0, 100'000));
    s.client().hears(std::string_view(reply).substr(0, 100'000));
    s.backend().resets();
    s.client().hears_close();
    s.client(1).says(get("k"));
    s.backend().hears(get("k"));
    s.backend().says("$1\r\nv\r\n");
    s.client(1).hears("$1\r\nv\r\n");
  });
}

TEST_CASE("a server that refuses connections is named, and used again when it accepts") {
  play_script([](Script& s) {
    s.pool.preconnect = false;
    s.backend(0).refuses();
    s.start(2);
    s.client().says(get(s.key(0)) + get(s.key(1)));
    s.backend(1).hears(get(s.key(1)));
    s.backend(1).says("$1\r\nv\r\n");
    s.client().hears_error("\"s0\"");
    s.client().hears("$1\r\nv\r\n");
    s.backend(0).accepts();
    s.backend(0).hears(command({"PING"}));
    s.backend(0).says("+PONG\r\n");
    s.advance(10);
    s.client().says(get(s.key(0)));
    s.backend(0).hears(get(s.key(0)));
    s.backend(0).says("$1\r\nw\r\n");
    s.client().hears("$1\r\nw\r\n");
  });
}

TEST_CASE("a server that never answers a connect is given up after connect_timeout_ms") {
  play_script([](Script& s) {
    s.pool.preconnect = false;
    s.pool.connect_timeout_ms = 300;
    s.backend(0).is_silent();
    s.start(1);
    s.client().says(get("k"));
    s.advance(100);
    s.client().hears_nothing();
    s.client().hears_error("\"s0\"");
  });
}

TEST_CASE("a request past its time gets an error, and its late reply confuses nobody") {
  play_script([](Script& s) {
    s.pool.timeout_ms = 300;
    s.start(1);
    s.client(0).says(get("slow"));
    s.backend().hears(get("slow"));
    s.client(0).hears_nothing();
    s.client(0).hears_error("\"s0\" timed out");
    s.client(0).says(get("next"));
    s.backend().hears(get("next"));
    s.client(1).says(get("other"));
    s.backend().hears(get("other"));
    s.backend().says("$4\r\nlate\r\n");
    s.client(0).hears_nothing();
    s.backend().says("$1\r\n1\r\n$1\r\n2\r\n");
    s.client(0).hears("$1\r\n1\r\n");
    s.client(1).hears("$1\r\n2\r\n");
    s.client(0).hears_nothing();
    s.backend().is_connected(1);
  });
}

TEST_CASE("a client that resets with requests in flight disturbs nobody") {
  play_script([](Script& s) {
    s.start(1);
    s.client(0).says(get("a") + get("b"));
    s.backend().hears(get("a") + get("b"));
    s.client(1).says(get("c"));
    s.backend().hears(get("c"));
    s.client(0).resets();
    s.advance(20);
    s.backend().says("$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
    s.client(1).hears("$1\r\nc\r\n");
    s.backend().is_connected(1);
  });
}

TEST_CASE("a client that closes with a request in flight disturbs nobody") {
  play_script([](Script& s) {
    s.start(1);
    s.client(0).says(get("a"));
    s.backend().hears(get("a"));
    s.client(0).closes();
    s.client(1).says(get("c"));
    s.backend().hears(get("c"));
    s.backend().says("$1\r\na\r\n");
    s.backend().says("$1\r\nc\r\n");
    s.client(1).hears("$1\r\nc\r\n");
    s.backend().is_connected(1);
  });
}

TEST_CASE("a half-closed client still gets its answers, then the end") {
  play_script([](Script& s) {
    s.start(2);
    s.client().says(get(s.key(0)) + get(s.key(1)));
    s.client().half_closes();
    s.backend(0).hears(get(s.key(0)));
    s.backend(1).hears(get(s.key(1)));
    s.backend(1).says("$1\r\n2\r\n");
    s.client().hears_nothing();
    s.backend(0).says("$1\r\n1\r\n");
    s.client().hears("$1\r\n1\r\n$1\r\n2\r\n");
    s.client().hears_close();
  });
}

TEST_CASE("a client that does not read keeps nobody from reading") {
  play_script([](Script& s) {
    s.start(1);
    const std::string reply = toy::bulk(std::string(300'000, 'x'));
    s.client(0).says(get("big"));
    s.client(0).stops_reading();
    s.backend().hears(get("big"));
    s.client(1).says(get("small"));
    s.backend().hears(get("small"));
    s.backend().says(reply);
    s.backend().says("$1\r\nv\r\n");
    s.client(1).hears("$1\r\nv\r\n");
    s.client(0).goes_on_reading();
    s.client(0).hears(reply);
  });
}

TEST_CASE("who reads late is idle from then on, and closed when that has lasted") {
  play_script([](Script& s) {
    s.pool.client_idle_timeout_ms = 200;
    s.start(1);
    const std::string reply = toy::bulk(std::string(300'000, 'x'));
    s.client().says(get("big"));
    s.client().stops_reading();
    s.backend().hears(get("big"));
    s.backend().says(reply);
    s.advance(1000);
    s.client().goes_on_reading();
    s.client().hears(reply);
    s.advance(100);
    s.client().says("PING\r\n");
    s.client().hears("+PONG\r\n");
    s.advance(300);
    s.client().hears_close();
  });
}

TEST_CASE("a protocol error is answered behind what came before, then the connection ends") {
  for (const char* rubbish : {"*1\r\n$-5\r\n", "*x\r\n", "*1\r\n:1\r\n"}) {
    static const char* bytes;
    bytes = rubbish;
    CAPTURE(rubbish);
    play_script([](Script& s) {
      s.start(1);
      s.client(1).connects();
      s.client(0).says(get("k") + bytes);
      s.backend().hears(get("k"));
      s.backend().says("$1\r\nv\r\n");
      s.client(0).hears("$1\r\nv\r\n");
      s.client(0).hears_line("-ERR", "Protocol error");
      s.client(0).hears_close();
      s.client(1).says(get("k"));
      s.backend().hears(get("k"));
      s.backend().says("$1\r\nw\r\n");
      s.client(1).hears("$1\r\nw\r\n");
    });
  }
}

TEST_CASE("a server that speaks no RESP loses its connection, and only its requests fail") {
  play_script([](Script& s) {
    s.start(1);
    s.client().says(get("k"));
    s.backend().hears(get("k"));
    s.backend().says("HTTP/1.1 400 Bad Request\r\n\r\n");
    s.client().hears_error("\"s0\"");
    s.backend().hears_close();
    s.client().says(get("k"));
    s.backend().hears(get("k"));
    s.backend().says("$1\r\nv\r\n");
    s.client().hears("$1\r\nv\r\n");
  });
}

TEST_CASE("a client that keeps its side open has its place for a second, whoever comes and goes") {
  play_script([](Script& s) {
    s.pool.client_connections = 2;
    s.start(1);
    const auto quit = [&](u32 client) {
      s.client(client).connects();
      s.client(client).says(command({"quit"}));
      s.client(client).hears("+OK\r\n");
    };
    quit(0);
    s.advance(300);
    quit(1);
    s.advance(300);
    s.client(0).closes();
    s.advance(100);
    quit(2);  // in the slot of the first one
    s.advance(700);
    // The second one's second is over, the third one's is not.
    s.client(3).says(command({"ping"}));
    s.client(3).hears("+PONG\r\n");
  });
}
