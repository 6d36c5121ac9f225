// Scripts: commands go through, in order, to the right server and back.
#include <doctest/doctest.h>

#include "script.h"
#include "toy_resp.h"

using namespace ringfold;
using namespace ringfold::sim;
using toy::command;

TEST_CASE("get and set go to their server and the replies come back") {
  play_script([](Script& s) {
    s.start(1);
    s.client().says(command({"SET", "k", "v"}));
    s.backend().hears(command({"SET", "k", "v"}));
    s.client().hears_nothing();
    s.backend().says("+OK\r\n");
    s.client().hears("+OK\r\n");
    s.client().says(command({"get", "k"}));
    s.backend().hears(command({"get", "k"}));
    s.backend().says("$1\r\nv\r\n");
    s.client().hears("$1\r\nv\r\n");
    s.client().hears_nothing();
  });
}

TEST_CASE("a key goes to the server that holds it, and only there") {
  play_script([](Script& s) {
    s.start(3);
    for (u32 i = 0; i < 3; ++i) {
      const std::string get = command({"get", s.key(i)});
      s.client().says(get);
      s.backend(i).hears(get);
      s.backend((i + 1) % 3).hears_nothing();
      s.backend(i).says("$-1\r\n");
      s.client().hears("$-1\r\n");
    }
  });
}

TEST_CASE("pipelined replies keep the client's order though servers answer in another") {
  play_script([](Script& s) {
    s.start(3);
    std::string pipeline;
    for (u32 i = 0; i < 3; ++i) pipeline += command({"get", s.key(i)});
    s.client().says(pipeline + command({"ping"}) + command({"get", s.key(0, 1)}));
    s.backend(2).hears(command({"get", s.key(2)}));
    s.backend(2).says("$5\r\nthird\r\n");
    s.client().hears_nothing();
    s.backend(1).hears(command({"get", s.key(1)}));
    s.backend(1).says("$6\r\nsecond\r\n");
    s.client().hears_nothing();
    s.backend(0).hears(command({"get", s.key(0)}) + command({"get", s.key(0, 1)}));
    s.backend(0).says("$5\r\nfirst\r\n");
    s.client().hears("$5\r\nfirst\r\n$6\r\nsecond\r\n$5\r\nthird\r\n+PONG\r\n");
    s.backend(0).says("*2\r\n:1\r\n*1\r\n$-1\r\n");
    s.client().hears("*2\r\n:1\r\n*1\r\n$-1\r\n");
  });
}

TEST_CASE("clients share a server connection and get each their own replies") {
  play_script([](Script& s) {
    s.start(1);
    for (u32 i = 0; i < 3; ++i) {
      const std::string get = command({"get", std::string("c").append(std::to_string(i))});
      s.client(i).says(get);
      s.backend().hears(get);
    }
    s.backend().says("$1\r\na\r\n-ERR b\r\n:3\r\n");
    s.client(2).hears(":3\r\n");
    s.client(1).hears("-ERR b\r\n");
    s.client(0).hears("$1\r\na\r\n");
    s.backend().is_connected(1);
  });
}

TEST_CASE("inline commands are sent on in array form") {
  play_script([](Script& s) {
    s.start(1);
    s.client().says("set  k \"a b\"\r\nGET k\nPING\r\n\r\n");
    s.backend().hears(command({"set", "k", "a b"}) + command({"GET", "k"}));
    s.backend().says("+OK\r\n$3\r\na b\r\n");
    s.client().hears("+OK\r\n$3\r\na b\r\n+PONG\r\n");
  });
}

TEST_CASE("what the proxy answers itself waits for its turn") {
  play_script([](Script& s) {
    s.start(1);
    s.client().says(command({"get", "k"}) + command({"echo", "hi"}) + command({"ping", "x"}));
    s.backend().hears(command({"get", "k"}));
    s.client().hears_nothing();
    s.backend().says(":1\r\n");
    s.client().hears(":1\r\n$2\r\nhi\r\n$1\r\nx\r\n");
  });
}

TEST_CASE("an unknown command, a wrong arity and a refused command cost only themselves") {
  play_script([](Script& s) {
    s.start(1);
    s.client().says(command({"nosuch", "k"}) + command({"get"}) + command({"multi"}) +
                    command({"get", "k"}));
    s.backend().hears(command({"get", "k"}));
    s.backend().says("$1\r\nv\r\n");
    s.client().hears_line("-ERR", "nosuch");
    s.client().hears_line("-ERR", "wrong number of arguments");
    s.client().hears_error("");
    s.client().hears("$1\r\nv\r\n");
  });
}

TEST_CASE("QUIT is answered behind everything before it, then the connection ends") {
  play_script([](Script& s) {
    s.start(1);
    s.client().says(command({"get", "k"}) + command({"quit"}));
    s.backend().hears(command({"get", "k"}));
    s.client().hears_nothing();
    s.backend().says("$1\r\nv\r\n");
    s.client().hears("$1\r\nv\r\n+OK\r\n");
    s.client().hears_close();
  });
}

TEST_CASE("a big value goes up whole and comes down as it arrives") {
  play_script([](Script& s) {
    s.start(1);
    const std::string value(150'000, 'x');
    s.client().says(command({"set", "k", value}));
    s.backend().hears(command({"set", "k", value}));
    s.backend().says("+OK\r\n");
    s.client().hears("+OK\r\n");
    s.client().says(command({"get", "k"}) + command({"get", "small"}));
    s.backend().hears(command({"get", "k"}) + command({"get", "small"}));
    const std::string reply = toy::bulk(value);
    s.backend().says(std::string_view(reply).substr(0, 100'000));
    s.client().hears(std::string_view(reply).substr(0, 90'000));
    s.backend().says(std::string_view(reply).substr(100'000));
    s.backend().says(":7\r\n");
    s.client().hears(std::string_view(reply).substr(90'000));
    s.client().hears(":7\r\n");
  });
}

TEST_CASE("a drain lets requests in flight finish, then nothing is left") {
  play_script([](Script& s) {
    s.start(1);
    s.client(1).connects();
    s.client().says(command({"get", "k"}));
    s.backend().hears(command({"get", "k"}));
    s.drain();
    s.advance(20);
    s.backend().says("$1\r\nv\r\n");
    s.client().hears("$1\r\nv\r\n");
    s.client().hears_close();
    s.client(1).hears_close();
    s.finishes();
  });
}
