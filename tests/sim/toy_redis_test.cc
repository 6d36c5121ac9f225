// The toys by themselves: what the simulator's oracle stands on.
#include "toy_redis.h"

#include <doctest/doctest.h>

#include "toy_resp.h"
#include "toy_store.h"

using namespace ringfold;
using namespace ringfold::sim;

TEST_CASE("the toy reader takes commands and replies at every cut, and nothing else") {
  const std::string command = toy::command({"set", "k", "a\r\nb"});
  CHECK(command == "*3\r\n$3\r\nset\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n");
  std::vector<std::string> arguments;
  for (std::size_t i = 0; i < command.size(); ++i) {
    CHECK(toy::scan_command(command.substr(0, i), arguments).status == toy::Scan::incomplete);
  }
  CHECK(toy::scan_command(command + "*", arguments).size == command.size());
  CHECK(arguments == std::vector<std::string>{"set", "k", "a\r\nb"});
  CHECK(toy::scan_command("get k\r\n", arguments).status == toy::Scan::broken);

  const std::string reply = "*3\r\n*2\r\n:-1\r\n$-1\r\n$2\r\n\r\n\r\n*-1\r\n";
  for (std::size_t i = 0; i < reply.size(); ++i) {
    const toy::ScanResult result = toy::scan_reply(reply.substr(0, i));
    CHECK(result.status == toy::Scan::incomplete);
    CHECK(result.size > i);
    CHECK(result.size <= reply.size());
  }
  CHECK(toy::scan_reply(reply + "+").size == reply.size());
  CHECK(toy::elements(reply).size() == 3);
  CHECK(toy::elements(reply)[1] == "$2\r\n\r\n\r\n");
  CHECK(toy::scan_reply("hello\r\n").status == toy::Scan::broken);
}

TEST_CASE("the toy store does what Redis does") {
  ToyStore store;
  const auto run = [&](const std::vector<std::string>& arguments) {
    return store.execute(0, arguments);
  };
  CHECK(run({"GET", "a"}) == "$-1\r\n");
  CHECK(run({"set", "a", "1"}) == "+OK\r\n");
  CHECK(run({"incr", "a"}) == ":2\r\n");
  CHECK(run({"append", "a", "x"}) == ":2\r\n");
  CHECK(run({"incr", "a"}) == "-ERR value is not an integer or out of range\r\n");
  CHECK(run({"mset", "b", "3", "c", "4"}) == "+OK\r\n");
  CHECK(run({"mget", "a", "no", "c"}) == "*3\r\n$2\r\n2x\r\n$-1\r\n$1\r\n4\r\n");
  CHECK(run({"exists", "a", "a", "no"}) == ":2\r\n");
  CHECK(run({"dbsize"}) == ":3\r\n");
  CHECK(run({"keys", "*"}) == "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
  CHECK(run({"set", "d", ""}) == "+OK\r\n");
  CHECK(run({"scan", "0"}) == "*2\r\n$1\r\n3\r\n*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
  CHECK(run({"scan", "3"}) == "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nd\r\n");
  CHECK(run({"unlink", "a", "b", "no"}) == ":2\r\n");
  CHECK(run({"flushall"}) == "+OK\r\n");
  CHECK(run({"dbsize"}) == ":0\r\n");
  const std::string name = script_name("return 1");
  CHECK(run({"script", "load", "return 1"}) == toy::bulk(name));
  CHECK(run({"script", "exists", name, "x"}) == "*2\r\n:1\r\n:0\r\n");
  CHECK(run({"get"}) == "-ERR wrong number of arguments for 'get' command\r\n");
  CHECK(run({"nosuch"}).starts_with("-ERR unknown command"));
  CHECK(store.execute(1, {"set", "a", "other"}) == "+OK\r\n");
  CHECK(run({"get", "a"}) == "$-1\r\n");
}

TEST_CASE("a token is the number behind the last '#'") {
  CHECK(token_of({"get", "{c1k#1}#77"}) == 77);
  CHECK(token_of({"script", "load", "return #5"}) == 5);
  CHECK(token_of({"dbsize"}) == 0);
  CHECK(token_of({"get", "a#b"}) == 0);
}

namespace {

struct Client final : EndOwner {
  void on_arrival(End& end) override {
    bytes.append(end.arrived());
    end.consume(end.arrived().size());
  }
  void on_space(End&) override {}
  std::string bytes;
};

}  // namespace

TEST_CASE("the toy server wants its password and reports each execution") {
  Universe universe(1);
  Network network(universe);
  RedisOracle oracle(universe, 1);
  ToyServerOptions options;
  options.password = "geheim";
  options.database = 3;
  options.honest = true;
  const Address address = virtual_address(9, 6379);
  ToyRedis server(universe, network, address, oracle, options);
  Client client;
  End* end = network.dial(address, client, 0);
  REQUIRE(end != nullptr);
  const auto ask = [&](const std::vector<std::string>& arguments) {
    client.bytes.clear();
    end->write(toy::command(arguments));
    universe.elapse(kSecond);
    return client.bytes;
  };
  const u32 token = oracle.issue(CommandKind::by_key, 1);
  oracle.issued(token).arguments = {"set", "k#1", "v"};
  CHECK(ask({"auth", "wrong"}).starts_with("-WRONGPASS"));
  end->close();
  end = network.dial(address, client, 0);
  CHECK(ask({"auth", "geheim"}) == "+OK\r\n");
  CHECK(ask({"select", "3"}) == "+OK\r\n");
  CHECK_FALSE(universe.failed());
  CHECK(ask({"set", "k#1", "v"}) == "+OK\r\n");
  CHECK(oracle.issued(token).executions.size() == 1);
  SUBCASE("and the oracle is content with the true reply") {
    CHECK_FALSE(oracle.on_reply(token, "+OK\r\n"));
    CHECK_FALSE(universe.failed());
  }
  SUBCASE("but not with another") {
    oracle.on_reply(token, "$1\r\nx\r\n");
    CHECK(universe.failure().find("the server said something else") != std::string::npos);
  }
  SUBCASE("nor with an error when nothing is broken") {
    oracle.on_reply(token, "-ERR ringfold: server \"s0\" timed out\r\n");
    CHECK(universe.failure().find("nothing was broken") != std::string::npos);
  }
  SUBCASE("nor with a second execution") {
    ask({"set", "k#1", "v"});
    CHECK(universe.failure().find("executed twice") != std::string::npos);
  }
  SUBCASE("nor with a request before AUTH") {
    end = network.dial(address, client, 0);
    ask({"get", "k#1"});
    CHECK(universe.failure().find("before AUTH") != std::string::npos);
  }
}
