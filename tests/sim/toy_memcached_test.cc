// The toy memcached by itself: what the oracle of memcached worlds stands on. The words are those
// of a live memcached 1.6.18.
#include "toy_memcached.h"

#include <doctest/doctest.h>

#include "answer_line.h"
#include "toy_memcached_wire.h"

using namespace ringfold;
using namespace ringfold::sim;

namespace {

toy::Scan scan(const std::string& in, std::string& why) {
  std::vector<std::string> words;
  std::string data;
  return toy::scan_memcached_command(in, words, data, why).status;
}

// Asks a store with a command as it is written on the wire.
std::string ask(ToyMemcachedStore& store, const std::string& command) {
  std::vector<std::string> words;
  std::string data, why;
  const toy::ScanResult result = toy::scan_memcached_command(command, words, data, why);
  REQUIRE(result.status == toy::Scan::complete);
  REQUIRE(result.size == command.size());
  return store.execute(words, data);
}

}  // namespace

TEST_CASE("the toy reader takes commands at every cut") {
  const std::string command = "ms k 9 O1\r\na\r\nmd x\r\n\r\n";
  std::vector<std::string> words;
  std::string data, why;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const auto result = toy::scan_memcached_command(command.substr(0, i), words, data, why);
    CHECK(result.status == toy::Scan::incomplete);
    CHECK(result.size > i);
    CHECK(result.size <= command.size());
  }
  CHECK(toy::scan_memcached_command(command + "x", words, data, why).size == command.size());
  CHECK(words == std::vector<std::string>{"ms", "k", "9", "O1"});
  CHECK(data == "a\r\nmd x\r\n");
}

TEST_CASE("the toy reader takes nothing that a proxy must not send") {
  std::string why;
  CHECK(scan("get k\n", why) == toy::Scan::broken);
  CHECK(scan("get  k\r\n", why) == toy::Scan::broken);
  CHECK(scan("get k \r\n", why) == toy::Scan::broken);
  CHECK(scan("\r\n", why) == toy::Scan::broken);
  CHECK(scan("get k\x01\r\n", why) == toy::Scan::broken);
  CHECK(why == "a control byte");
  CHECK(scan("get " + std::string(251, 'k') + "\r\n", why) == toy::Scan::broken);
  CHECK(scan("set k 0 0 1\r\nxyz\r\n", why) == toy::Scan::broken);
  CHECK(scan("set k 0 0\r\n", why) == toy::Scan::broken);
  CHECK(scan("set k 0 0 -1\r\n", why) == toy::Scan::broken);
  std::string keys;
  for (int i = 0; i < 400; ++i) keys += " key" + std::to_string(i);
  CHECK(scan("gat 1" + keys, why) == toy::Scan::broken);
  CHECK(why == "too long a line");
  CHECK(scan("gets" + keys + "\r\n", why) == toy::Scan::complete);
}

TEST_CASE("the toy reader takes answers at every cut, and nothing else") {
  for (const std::string reply :
       {"VALUE k 0 5\r\nEND\r\n\r\nVALUE j 1 0 77\r\n\r\nEND\r\n", "END\r\n", "HD k1 O2\r\n",
        "VALUE k 0 1\r\nx\r\nSERVER_ERROR out of memory\r\n", "VA 2 f5\r\n\r\n\r\n", "12\r\n",
        "STAT a b c\r\nSTAT d e\r\nEND\r\n", "SERVER_ERROR x\r\n"}) {
    CAPTURE(reply);
    for (std::size_t i = 0; i < reply.size(); ++i) {
      const toy::ScanResult result = toy::scan_memcached_reply(reply.substr(0, i));
      CHECK(result.status == toy::Scan::incomplete);
      CHECK(result.size > i);
      CHECK(result.size <= reply.size());
    }
    CHECK(toy::scan_memcached_reply(reply + "END\r\n").size == reply.size());
  }
  CHECK(toy::scan_memcached_reply("VA x\r\n").status == toy::Scan::broken);
  CHECK(toy::scan_memcached_reply("VA 1\r\nxyz").status == toy::Scan::broken);
  CHECK(toy::scan_memcached_reply("\r\n").status == toy::Scan::broken);
  std::string_view end;
  const auto blocks =
      toy::value_blocks("VALUE k 0 5\r\nEND\r\n\r\nVALUE j 1 0 7\r\n\r\nEND\r\n", end);
  REQUIRE(blocks.size() == 2);
  CHECK(blocks[0].raw == "VALUE k 0 5\r\nEND\r\n\r\n");
  CHECK(blocks[1].key == "j");
  CHECK(end == "END\r\n");
}

TEST_CASE("base64 there and back") {
  CHECK(toy::encode_base64("") == "");
  CHECK(toy::encode_base64("a") == "YQ==");
  CHECK(toy::encode_base64("zzz") == "enp6");
  CHECK(toy::decode_base64("YQ==") == "a");
  CHECK(toy::decode_base64("YQ=") == "");
  for (std::size_t size = 0; size < 9; ++size) {
    const std::string bytes = std::string("\0\xff\n#=ab\x7f", 8).substr(0, size);
    CHECK(toy::decode_base64(toy::encode_base64(bytes)) == bytes);
  }
}

TEST_CASE("the toy store does what memcached does: classic") {
  ToyMemcachedStore store;
  const auto run = [&](const std::string& command) { return ask(store, command); };
  CHECK(run("get k\r\n") == "END\r\n");
  CHECK(run("replace k 0 0 1\r\na\r\n") == "NOT_STORED\r\n");
  CHECK(run("append k 0 0 1\r\na\r\n") == "NOT_STORED\r\n");
  CHECK(run("cas k 0 0 1 9\r\na\r\n") == "NOT_FOUND\r\n");
  CHECK(run("add k 5 0 2\r\nhi\r\n") == "STORED\r\n");
  CHECK(run("add k 5 0 2\r\nhi\r\n") == "NOT_STORED\r\n");
  CHECK(run("gets k no k\r\n") == "VALUE k 5 2 1\r\nhi\r\nVALUE k 5 2 1\r\nhi\r\nEND\r\n");
  CHECK(run("cas k 0 0 1 9\r\na\r\n") == "EXISTS\r\n");
  CHECK(run("cas k 6 0 1 1\r\na\r\n") == "STORED\r\n");
  CHECK(run("append k 0 0 1\r\nb\r\n") == "STORED\r\n");
  CHECK(run("prepend k 0 0 1\r\n0\r\n") == "STORED\r\n");
  CHECK(run("gat 10 k\r\n") == "VALUE k 6 3\r\n0ab\r\nEND\r\n");
  CHECK(run("incr k 1\r\n") == "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n");
  CHECK(run("incr no 1\r\n") == "NOT_FOUND\r\n");
  CHECK(run("set n 0 0 2\r\n10\r\n") == "STORED\r\n");
  CHECK(run("decr n 1\r\n") == "9\r\n");
  CHECK(run("get n\r\n") == "VALUE n 0 2\r\n9 \r\nEND\r\n");
  CHECK(run("decr n 100\r\n") == "0\r\n");
  CHECK(run("incr n 18446744073709551615\r\n") == "18446744073709551615\r\n");
  CHECK(run("touch n 100\r\n") == "TOUCHED\r\n");
  CHECK(run("touch n -1\r\n") == "TOUCHED\r\n");
  CHECK(run("delete n\r\n") == "NOT_FOUND\r\n");
  CHECK(run("delete k 0\r\n") == "DELETED\r\n");
  CHECK(run("set k 0 -1 1\r\na\r\n") == "STORED\r\n");
  CHECK(run("get k\r\n") == "END\r\n");
  CHECK(run("set k 0 0 1 noreply\r\na\r\n") == "");
  CHECK(run("get k#77\r\n") == "VALUE k#77 0 1\r\na\r\nEND\r\n");
  CHECK(run("flush_all 3\r\n") == "OK\r\n");
  CHECK(run("get k\r\n") == "END\r\n");
  CHECK(run("version\r\n") == "VERSION 1.6.18\r\n");
}

TEST_CASE("the toy store does what memcached does: meta") {
  ToyMemcachedStore store;
  const auto run = [&](const std::string& command) { return ask(store, command); };
  CHECK(run("mg a v k O1\r\n") == "EN ka O1\r\n");
  CHECK(run("mg a v k q O1\r\n") == "");
  CHECK(run("ms a 2 T0 F5 c k O7\r\nhi\r\n") == "HD c1 ka O7\r\n");
  CHECK(run("mg a v f c k O9 s t\r\n") == "VA 2 f5 c1 ka O9 s2 t-1\r\nhi\r\n");
  CHECK(run("mg a k q O4\r\n") == "HD ka O4\r\n");
  CHECK(run("mg YQ== b k v O2\r\n") == "VA 2 ka O2\r\nhi\r\n");
  CHECK(run("mg enp6 b k v O2\r\n") == "EN kenp6 b O2\r\n");
  CHECK(run("ms YQ== 3 b k O3 ME\r\nabc\r\n") == "NS kYQ== b O3\r\n");
  CHECK(run("ms YQ== 3 b k O3 MA\r\nabc\r\n") == "HD kYQ== b O3\r\n");
  CHECK(run("ms a 3 C1 O3 k\r\nabc\r\n") == "EX O3 ka\r\n");
  CHECK(run("ms no 3 C1 O3 k\r\nabc\r\n") == "NF O3 kno\r\n");
  CHECK(run("ms no 3 MR O3 k\r\nabc\r\n") == "NS O3 kno\r\n");
  CHECK(run("ms no 3 q\r\nabc\r\n") == "");
  CHECK(run("md a k O3\r\n") == "HD ka O3\r\n");
  CHECK(run("md a q k O3\r\n") == "NF ka O3\r\n");
  CHECK(run("ma n k O3 q\r\n") == "NF kn O3\r\n");
  CHECK(run("ma n N0 J13 k O3 v t\r\n") == "VA 2 kn O3 t-1\r\n13\r\n");
  CHECK(run("ma n v O4 k D5\r\n") == "VA 2 O4 kn\r\n18\r\n");
  CHECK(run("ma bg== b k v MD D100\r\n") == "VA 1 kbg== b\r\n0\r\n");
  CHECK(run("ma n q v\r\n") == "");
  CHECK(run("mg new N30 v t k O1\r\n") == "VA 0 t30 knew O1 W\r\n\r\n");
  CHECK(run("me gone\r\n") == "EN\r\n");
  CHECK(run("me n\r\n").starts_with("ME n exp=-1 la="));
}

namespace {

// An oracle that was asked, and one server's words.
struct Case {
  Universe universe{1};
  MemcachedOracle oracle{universe, 2};
  AnswerLine line{oracle};

  u32 ask(CommandKind kind, std::vector<std::string> words, Hush hush = Hush::none) {
    const u32 token = oracle.issue(kind, 1);
    oracle.issued(token).arguments = std::move(words);
    oracle.issued(token).hush = hush;
    oracle.issued(token).moment = oracle.moment();
    line.push(token);
    return token;
  }
  void say(u32 token, const std::string& reply) {
    const std::vector<std::string> words = oracle.issued(token).arguments;
    oracle.on_command(token, words[1], {0, 0, words, reply});
  }
};

}  // namespace

TEST_CASE("the oracle wants the values that servers gave, in the order of the keys") {
  Case c;
  c.ask(CommandKind::values, {"get", "a#1", "s", "b#1"});
  c.oracle.on_values(0, 0, {"get", "a#1", "b#1"},
                     {{"a#1", "VALUE a#1 0 1\r\nx\r\n", ""}, {"b#1", "", ""}}, "");
  c.oracle.on_values(1, 1, {"get", "s", "s"},
                     {{"s", "VALUE s 0 1\r\ny\r\n", ""}, {"s", "VALUE s 0 1\r\nz\r\n", ""}}, "");
  SUBCASE("and takes them") {
    CHECK(c.line.take("VALUE a#1 0 1\r\nx\r\nVALUE s 0 1\r\nz\r\nEND\r\n") == 1);
    CHECK_FALSE(c.universe.failed());
  }
  SUBCASE("no other value") {
    c.line.take("VALUE a#1 0 1\r\nx\r\nVALUE s 0 1\r\nq\r\nEND\r\n");
    CHECK(c.universe.failure().find("no server gave the value") != std::string::npos);
  }
  SUBCASE("no other order") {
    c.line.take("VALUE s 0 1\r\nz\r\nVALUE a#1 0 1\r\nx\r\nEND\r\n");
    CHECK(c.universe.failure().find("no server gave the value") != std::string::npos);
  }
  SUBCASE("no miss that is none") {
    c.line.take("VALUE s 0 1\r\nz\r\nEND\r\n");
    CHECK(c.universe.failure().find("a key is missing") != std::string::npos);
  }
  SUBCASE("no second question for a command's own key") {
    c.oracle.on_values(0, 0, {"get", "a#1"}, {{"a#1", "", ""}}, "");
    CHECK(c.universe.failure().find("more often") != std::string::npos);
  }
  SUBCASE("no key at another server") {
    c.oracle.on_values(0, 0, {"get", "s"}, {{"s", "", ""}}, "");
    CHECK(c.universe.failure().find("went to server 0") != std::string::npos);
  }
}

TEST_CASE("the keys of several commands may be joined on the wire") {
  Case c;
  c.ask(CommandKind::values, {"get", "a#1"});
  c.ask(CommandKind::values, {"get", "b#2"});
  c.ask(CommandKind::values, {"get", "s"});
  c.oracle.on_values(0, 0, {"get", "a#1", "b#2", "s"},
                     {{"a#1", "VALUE a#1 0 1\r\nx\r\n", ""},
                      {"b#2", "", ""},
                      {"s", "", "SERVER_ERROR toy\r\n", "SERVER_ERROR toy\r\n"}},
                     "");
  CHECK(c.line.take("VALUE a#1 0 1\r\nx\r\nEND\r\n") == 1);
  CHECK(c.line.take("END\r\n") == 2);
  CHECK(c.line.take("SERVER_ERROR toy\r\n") == 3);
  CHECK_FALSE(c.universe.failed());
}

TEST_CASE("an answer given before the question is no answer") {
  Case c;
  c.oracle.on_values(0, 0, {"get", "s"}, {{"s", "VALUE s 0 1\r\ny\r\n", ""}}, "");
  c.ask(CommandKind::values, {"get", "s"});
  c.line.take("VALUE s 0 1\r\ny\r\nEND\r\n");
  CHECK(c.universe.failed());
}

TEST_CASE("a quiet command is silent when its server said so, and only then") {
  Case c;
  const u32 quiet = c.ask(CommandKind::by_key, {"mg", "k", "O1"}, Hush::misses);
  const u32 barrier = c.ask(CommandKind::exact, {"mn"});
  c.oracle.issued(barrier).expected = "MN\r\n";
  SUBCASE("a miss") {
    c.say(quiet, "EN O1\r\n");
    CHECK(c.line.take("MN\r\n") == barrier);
    CHECK(c.line.empty());
    CHECK_FALSE(c.universe.failed());
  }
  SUBCASE("a hit") {
    c.say(quiet, "HD O1\r\n");
    c.line.take("MN\r\n");
    CHECK(c.universe.failed());
  }
  SUBCASE("a miss that is said") {
    c.say(quiet, "EN O1\r\n");
    c.line.take("EN O1\r\n");
    CHECK(c.universe.failed());
  }
  SUBCASE("nothing yet") {
    c.line.take("MN\r\n");
    CHECK(c.universe.failed());
  }
}

TEST_CASE("a server must hear what the client said, once") {
  Case c;
  const u32 token = c.ask(CommandKind::by_key, {"touch", "k#1", "5"}, Hush::everything);
  c.say(token, "TOUCHED\r\n");
  CHECK(c.line.may_be_over());
  SUBCASE("not twice") {
    c.say(token, "TOUCHED\r\n");
    CHECK(c.universe.failure().find("executed twice") != std::string::npos);
  }
  SUBCASE("not otherwise") {
    c.oracle.on_command(token, "k#1", {0, 0, {"touch", "k#1", "6"}, "TOUCHED\r\n"});
    CHECK(c.universe.failure().find("but a server was asked") != std::string::npos);
  }
  SUBCASE("not answered") {
    c.line.take("TOUCHED\r\n");
    CHECK(c.universe.failed());
  }
}
