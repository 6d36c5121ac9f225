// Scripts: commands that touch several servers are split and their replies merged.
#include <doctest/doctest.h>

#include "script.h"
#include "toy_resp.h"

using namespace ringfold;
using namespace ringfold::sim;
using toy::command;

TEST_CASE("MGET is split by server and merged in the order of its keys") {
  play_script([](Script& s) {
    s.start(2);
    const std::string a = s.key(0), b = s.key(1), c = s.key(0, 1);
    s.client().says(command({"mget", a, b, c, b}));
    s.backend(0).hears(command({"mget", a, c}));
    s.backend(1).hears(command({"mget", b, b}));
    s.backend(1).says("*2\r\n$1\r\n2\r\n$-1\r\n");
    s.client().hears_nothing();
    s.backend(0).says("*2\r\n$1\r\n1\r\n$1\r\n3\r\n");
    s.client().hears("*4\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$-1\r\n");
  });
}

TEST_CASE("MSET is split in pairs and is OK when all parts are") {
  play_script([](Script& s) {
    s.start(2);
    const std::string a = s.key(0), b = s.key(1), c = s.key(0, 1);
    s.client().says(command({"mset", a, "1", b, "2", c, "3"}));
    s.backend(0).hears(command({"mset", a, "1", c, "3"}));
    s.backend(1).hears(command({"mset", b, "2"}));
    s.backend(0).says("+OK\r\n");
    s.client().hears_nothing();
    s.backend(1).says("+OK\r\n");
    s.client().hears("+OK\r\n");
    s.client().says(command({"mset", a, "1", b, "2"}));
    s.backend(0).hears(command({"mset", a, "1"}));
    s.backend(1).hears(command({"mset", b, "2"}));
    s.backend(0).says("+OK\r\n");
    s.backend(1).says("-OOM no room\r\n");
    s.client().hears("-OOM no room\r\n");
  });
}

TEST_CASE("DEL, UNLINK, TOUCH and EXISTS add up") {
  play_script([](Script& s) {
    s.start(3);
    for (const char* name : {"del", "unlink", "touch", "exists"}) {
      std::vector<std::string> arguments{name};
      for (u32 i = 0; i < 3; ++i) arguments.push_back(s.key(i));
      s.client().says(command(arguments));
      for (u32 i = 0; i < 3; ++i) s.backend(i).hears(command({name, s.key(i)}));
      s.backend(2).says(":4\r\n");
      s.backend(0).says(":1\r\n");
      s.client().hears_nothing();
      s.backend(1).says(":2\r\n");
      s.client().hears(":7\r\n");
    }
  });
}

TEST_CASE("a split command whose keys are all on one server goes there alone") {
  play_script([](Script& s) {
    s.start(2);
    const std::string mget = command({"mget", s.key(1), s.key(1, 1)});
    s.client().says(mget);
    s.backend(1).hears(mget);
    s.backend(0).hears_nothing();
    s.backend(1).says("*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    s.client().hears("*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  });
}

TEST_CASE("an MGET with one server gone fails alone, and says which server") {
  play_script([](Script& s) {
    s.start(2);
    const std::string a = s.key(0), b = s.key(1);
    s.client().says(command({"mget", a, b}));
    s.backend(0).hears(command({"mget", a}));
    s.backend(1).hears(command({"mget", b}));
    s.backend(1).resets();
    s.backend(0).says("*1\r\n$1\r\n1\r\n");
    // Either an error for the whole command or an array with an error in the place of b.
    s.client().hears_somewhere("-ERR ringfold: server \"s1\"");
    s.client().says(command({"get", a}));
    s.backend(0).hears(command({"get", a}));
    s.backend(0).says("$1\r\n1\r\n");
    s.client().hears("$1\r\n1\r\n");
  });
}

TEST_CASE("a command with keys on two servers that cannot be split is refused, naming hash tags") {
  play_script([](Script& s) {
    s.start(2);
    s.client().says(command({"rename", s.key(0), s.key(1)}));
    s.client().hears_error("hash tag");
    s.client().says(command({"rename", "{x}a", "{x}b"}) + command({"ping"}));
    const std::string rename = command({"rename", "{x}a", "{x}b"});
    const u32 owner = s.owner("{x}a");
    s.backend(owner).hears(rename);
    s.backend(owner).says("+OK\r\n");
    s.client().hears("+OK\r\n+PONG\r\n");
  });
}

TEST_CASE("DBSIZE, FLUSHALL, KEYS and SCRIPT LOAD go to all servers") {
  play_script([](Script& s) {
    s.start(2);
    const auto all = [&s](const std::vector<std::string>& arguments, std::string_view first,
                          std::string_view second, std::string_view merged) {
      s.client().says(command(arguments));
      s.backend(0).hears(command(arguments));
      s.backend(1).hears(command(arguments));
      s.backend(1).says(second);
      s.client().hears_nothing();
      s.backend(0).says(first);
      s.client().hears(merged);
    };
    all({"dbsize"}, ":3\r\n", ":4\r\n", ":7\r\n");
    all({"flushall"}, "+OK\r\n", "+OK\r\n", "+OK\r\n");
    all({"keys", "*"}, "*1\r\n$1\r\na\r\n", "*2\r\n$1\r\nb\r\n$1\r\nc\r\n",
        "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
    all({"script", "load", "return 1"}, "$2\r\nab\r\n", "$2\r\nab\r\n", "$2\r\nab\r\n");
    all({"script", "exists", "ab", "cd"}, "*2\r\n:1\r\n:1\r\n", "*2\r\n:1\r\n:0\r\n",
        "*2\r\n:1\r\n:0\r\n");
  });
}
