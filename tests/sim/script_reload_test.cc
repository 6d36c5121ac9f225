// Scripts: another configuration while requests are under way. backend(n) is the server whose name
// is "sn".
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

TEST_CASE("a removed server answers what it was asked, and is left then") {
  play_script([](Script& s) {
    s.start(2);
    const std::string key = s.key(1);
    s.client(0).says(get(key));
    s.backend(1).hears(get(key));
    s.pool.servers.pop_back();
    s.reloads();
    s.client(1).says(get(key));
    s.backend(0).hears(get(key));
    s.backend(0).says("$1\r\nn\r\n");
    s.client(1).hears("$1\r\nn\r\n");
    s.backend(1).says("$1\r\no\r\n");
    s.client(0).hears("$1\r\no\r\n");
    s.backend(1).hears_close();
    s.backend(0).is_connected(1);
    s.backend(1).is_connected(1);
  });
}

TEST_CASE("a client's replies keep their order over a change of its keys' server") {
  play_script([](Script& s) {
    s.start(2);
    const std::string key = s.key(1);
    s.client().says(get(key));
    s.backend(1).hears(get(key));
    s.pool.servers.pop_back();
    s.reloads();
    s.advance(1);
    s.client().says(get(key));
    s.backend(0).hears(get(key));
    s.backend(0).says("$1\r\nn\r\n");
    s.client().hears_nothing();
    s.backend(1).says("$1\r\no\r\n");
    s.client().hears("$1\r\no\r\n$1\r\nn\r\n");
  });
}

TEST_CASE("servers that change places keep their connections and what they were asked") {
  play_script([](Script& s) {
    s.start(3);
    const std::string keys[] = {s.key(0), s.key(1), s.key(2)};
    s.client().says(command({"mget", keys[2], keys[0], keys[1]}));
    for (u32 i = 0; i < 3; ++i) s.backend(i).hears(command({"mget", keys[i]}));
    std::swap(s.pool.servers[0], s.pool.servers[2]);
    s.reloads();
    s.advance(1);
    for (u32 i = 0; i < 3; ++i) {
      s.backend(i).says("*1\r\n$1\r\n" + std::to_string(i) + "\r\n");
    }
    s.client().hears("*3\r\n$1\r\n2\r\n$1\r\n0\r\n$1\r\n1\r\n");
    for (u32 i = 0; i < 3; ++i) s.backend(i).is_connected(1);
  });
}

TEST_CASE("with other connections to its server a client waits for what it has asked") {
  play_script([](Script& s) {
    s.pool.server_connections = 1;
    s.start(1);
    s.client(0).says(get("a"));
    s.backend(0).hears(get("a"));
    s.pool.server_connections = 2;
    s.reloads();
    s.advance(1);
    s.backend(0).is_connected(3);
    s.client(0).says(get("b"));
    s.client(1).says(get("c"));
    s.backend(0).hears(get("c"));  // who waits for nothing need not wait
    s.backend(0).says("$1\r\nc\r\n");
    s.client(1).hears("$1\r\nc\r\n");
    s.client(0).hears_nothing();
  });
}

TEST_CASE("a server that comes back while it is left has to be done first") {
  play_script([](Script& s) {
    s.start(2);
    const std::string key = s.key(1);
    s.client().says(get(key));
    s.backend(1).hears(get(key));
    const ServerConfig second = s.pool.servers.back();
    s.pool.servers.pop_back();
    s.reloads();
    s.pool.servers.push_back(second);
    s.reloads();
    s.advance(1);
    s.backend(1).is_connected(2);
    s.client().says(get(key));
    s.client().hears_nothing();
    s.backend(1).hears_nothing();
    s.backend(1).says("$1\r\no\r\n");
    s.client().hears("$1\r\no\r\n");
    s.backend(1).hears(get(key));
    s.backend(1).says("$1\r\nn\r\n");
    s.client().hears("$1\r\nn\r\n");
  });
}

TEST_CASE("requests that wait get the new time limit, and none is late behind an old one") {
  play_script([](Script& s) {
    s.pool.timeout_ms = 600;
    s.start(1);
    s.client(0).says(get("a"));
    s.backend(0).hears(get("a"));
    s.pool.timeout_ms = 20;
    s.reloads();
    s.client(1).says(get("b"));
    s.backend(0).hears(get("b"));
    s.advance(25);
    s.client(0).hears_error("\"s0\" timed out");
    s.client(1).hears_error("\"s0\" timed out");
  });
}

TEST_CASE("a drain takes nothing over any more") {
  play_script([](Script& s) {
    s.start(2);
    const std::string key = s.key(1);
    s.client().says(get(key));
    s.backend(1).hears(get(key));
    s.drain();
    s.pool.servers.pop_back();
    s.reloads();
    s.advance(1);
    s.backend(1).says("$1\r\nv\r\n");
    s.client().hears("$1\r\nv\r\n");
    s.client().hears_close();
    s.client().closes();
    s.finishes();
  });
}
