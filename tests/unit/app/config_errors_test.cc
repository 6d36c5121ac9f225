// Every mistake a configuration can hold: where it is reported, and in which words.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "ringfold/config.h"

namespace ringfold {
namespace {

std::vector<std::string> errors_of(const std::string& text) {
  const auto config = parse_config(text, "f");
  std::vector<std::string> errors;
  if (config) return errors;
  for (const ConfigError& error : config.error()) errors.push_back(to_string(error));
  return errors;
}

// The errors of a good pool (lines 1 to 4) with more lines behind it, from line 5 on.
std::vector<std::string> errors_of_pool_with(const std::string& lines) {
  return errors_of("[[pool]]\nname = \"a\"\nlisten = \"h:1\"\nservers = [\"h:2:1\"]\n" + lines);
}

// The errors of a pool whose servers array is given, at 4:1.
std::vector<std::string> errors_of_servers(const std::string& servers) {
  return errors_of("[[pool]]\nname = \"a\"\nlisten = \"h:1\"\nservers = " + servers + "\n");
}

void check_one(const std::vector<std::string>& errors, const std::string& wanted) {
  INFO("wanted: ", wanted);
  REQUIRE(errors.size() == 1);
  CHECK(errors[0] == wanted);
}

const std::string kEndpointForms = "; right are \"host:port\", \"[::1]:port\" and \"unix:/path\"";
const std::string kServerForms =
    "; right are \"host:port:weight name\" and \"/path:weight name\", the name may be absent";

TEST_CASE("a file that is no TOML is reported where it stops to be") {
  check_one(
      errors_of("[proxy]\nthreads = \n"),
      "f:2:11: not valid TOML: Error while parsing key-value pair: expected value, saw '\\n'");
  check_one(errors_of("[proxy]\nthreads = 1\nthreads = 2\n"),
            "f:3:11: not valid TOML: Error while parsing key-value pair: cannot redefine existing "
            "integer 'threads'");
  check_one(errors_of("a.b.c.d.e.f.g.h.i.j = 1\n"),
            "f:1:18: not valid TOML: a key with more than 8 dots; no key is nested that deep");
  check_one(errors_of("x = \"a.b.c.d.e.f.g.h.i.j.k\" # a.b.c.d.e.f.g.h.i.j.k\n[[poo]\n"),
            "f:2:7: not valid TOML: Error while parsing table header: expected ']', saw '\\n'");
}

TEST_CASE("what the TOML library does not survive is refused before it") {
  const std::string outside =
      "not valid TOML: a character outside ASCII; it may stand only in comments and quoted strings";
  check_one(errors_of("[proxy]\nth\xc3\xa9 = 1\n"), "f:2:3: " + outside);
  check_one(errors_of("[proxy] \xe2\x80\x83\n"), "f:1:9: " + outside);
  check_one(errors_of("a = [\n\"\xc3\xa9\", \xc3\xa9]\n"), "f:2:6: " + outside);
  const std::string header =
      "not valid TOML: a table header must begin with its name, such as [proxy] or [[pool]]";
  check_one(errors_of("[[[pool]]]\n"), "f:1:3: " + header);
  check_one(errors_of("\n  [ = 1\n"), "f:2:5: " + header);
  check_one(errors_of("[[\n"), "f:1:3: " + header);
  const std::string triple =
      "not valid TOML: a string in triple quotes; write it on one line in single or double quotes";
  check_one(errors_of("a = \"\"\"\nb\"\"\"\n"), "f:1:5: " + triple);
  check_one(errors_of("a = '''b'''\n"), "f:1:5: " + triple);
  check_one(errors_of("a = [\n}\n"), "f:2:1: not valid TOML: \"}\" where \"]\" has to come first");
  check_one(errors_of("a = {]\n"), "f:1:6: not valid TOML: \"]\" where \"}\" has to come first");
  check_one(errors_of("a = " + std::string(17, '[') + "\n"),
            "f:1:21: not valid TOML: more than 16 brackets open; no value is nested that deep");
  const std::string date =
      "not valid TOML: a date, a time or a \":\" outside of quotes; text is written in quotes, and "
      "no key takes a "
      "date";
  check_one(errors_of("a = 1979-05-27\n"), "f:1:5: " + date);
  check_one(errors_of("a = 07:32:00\n"), "f:1:7: " + date);
  check_one(errors_of("listen = 127.0.0.1:22121\n"), "f:1:19: " + date);
  const std::string quote =
      "not valid TOML: a quote in the middle of a word; a string is quoted as a whole";
  check_one(errors_of("b'c' = 1\n"), "f:1:2: " + quote);
  check_one(errors_of("a = [1.'c']\n"), "f:1:8: " + quote);
  check_one(errors_of("a = [1[2]]\n"), "f:1:7: not valid TOML: a \"[\" in the middle of a word");
  check_one(errors_of("a = [1=2]\n"), "f:1:7: not valid TOML: a \"=\" in an array");
  const std::string word =
      "not valid TOML: a value that is no string, number, true or false; text is written in quotes";
  for (const std::string bad : {"1=\"\xc3\xa9\"", "1'c'", "1[", "b{", "7/3", "1@"}) {
    check_one(errors_of("a = " + bad + "\n"), "f:1:6: " + word);
  }
  const std::string control =
      "not valid TOML: a control character; TOML allows none but tab and the ends of lines";
  check_one(errors_of("a = [\f]\n"), "f:1:6: " + control);
  check_one(errors_of("a = \"b\x01\"\n"), "f:1:7: " + control);
  check_one(errors_of("# \x7f\n"), "f:1:3: " + control);
  check_one(errors_of("a = 1\rb = 1\n"), "f:1:6: " + control);
  CHECK(errors_of("\xef\xbb\xbf# caf\xc3\xa9\n[[pool]]\nname = \"caf\xc3\xa9\"\n"
                  "listen = [\n[\n")
            .size() == 1);
  CHECK(errors_of("\xef\xbb\xbf# caf\xc3\xa9\n[[pool]]\nname = \"caf\xc3\xa9\"\n"
                  "listen = [\n \"h:1\",\n]\nservers = [\n  \"h:2:1\" # \xc3\xa9\n]\n")
            .empty());
}

TEST_CASE("a file without pools is reported as such") {
  const std::string words =
      "no [[pool]] in the file; at least one with name, listen and servers is needed";
  check_one(errors_of(""), "f:1:1: " + words);
  check_one(errors_of("[proxy]\nthreads = 1\n"), "f:1:1: " + words);
  check_one(errors_of("\npool = []\n"), "f:2:1: " + words);
}

TEST_CASE("sections of the wrong type are reported with the right form") {
  check_one(errors_of("\n[pool]\nname = \"a\"\n"),
            "f:2:2: key \"pool\" must be an array, not a table; write [[pool]]");
  check_one(errors_of("pool = [7]\n"),
            "f:1:9: a pool must be a table, not an integer; write [[pool]]");
  check_one(errors_of_pool_with("[[proxy]]\n"),
            "f:5:3: key \"proxy\" must be a table, not an array; write [proxy]");
  check_one(errors_of("admin = true\n[[pool]]\nname=\"a\"\nlisten=\"h:1\"\nservers=[\"h:2:1\"]\n"),
            "f:1:1: key \"admin\" must be a table, not a boolean; write [admin]");
}

TEST_CASE("an unknown key names the nearest known key") {
  check_one(errors_of_pool_with("hsah = \"md5\"\n"),
            "f:5:1: unknown key \"hsah\" in [[pool]]; the nearest known key is \"hash\"");
  check_one(errors_of_pool_with("  timeout = 400\n"),
            "f:5:3: unknown key \"timeout\" in [[pool]]; the nearest known key is \"timeout_ms\"");
  check_one(errors_of_pool_with("[proxy]\ntreads = 4\n"),
            "f:6:1: unknown key \"treads\" in [proxy]; the nearest known key is \"threads\"");
  check_one(errors_of_pool_with("[admin]\nlisten_on = \"h:3\"\n"),
            "f:6:1: unknown key \"listen_on\" in [admin]; the nearest known key is \"listen\"");
  check_one(errors_of_pool_with("[prxoy]\n"),
            "f:5:2: unknown key \"prxoy\" in the file; the nearest known key is \"proxy\"");
}

TEST_CASE("a key in the wrong section is sent to the right one") {
  check_one(
      errors_of_pool_with("threads = 2\n"),
      "f:5:1: unknown key \"threads\" in [[pool]]; the nearest known key is \"threads\", which "
      "belongs in [proxy]");
  check_one(errors_of_pool_with("[proxy]\ntimeout_m = 2\n"),
            "f:6:1: unknown key \"timeout_m\" in [proxy]; the nearest known key is \"timeout_ms\", "
            "which belongs in [[pool]]");
}

TEST_CASE("a key of twemproxy's is led to its counterpart") {
  check_one(errors_of_pool_with("redis = true\n"),
            "f:5:1: unknown key \"redis\" in [[pool]]; the nearest known key is \"protocol\"");
  check_one(errors_of_pool_with("redis_auth = \"x\"\n"),
            "f:5:1: unknown key \"redis_auth\" in [[pool]]; the nearest known key is \"password\"");
  check_one(errors_of_pool_with("redis_db = 1\n"),
            "f:5:1: unknown key \"redis_db\" in [[pool]]; the nearest known key is \"database\"");
}

TEST_CASE("required keys that are missing are reported at their pool") {
  const auto errors = errors_of("\n[[pool]]\n");
  REQUIRE(errors.size() == 3);
  CHECK(errors[0] ==
        "f:2:1: key \"name\" is missing in this [[pool]]; write for example name = \"sessions\"");
  CHECK(errors[1] ==
        "f:2:1: key \"listen\" is missing in this [[pool]]; write for example listen = "
        "\"127.0.0.1:22121\"");
  CHECK(errors[2] ==
        "f:2:1: key \"servers\" is missing in this [[pool]]; write for example servers = "
        "[\"127.0.0.1:6379:1 alpha\"]");
}

struct NumberCase {
  std::string key;
  std::string range;  // as the message has it
  std::vector<std::string> bad;
};

TEST_CASE("numbers out of range and of the wrong type are refused") {
  const std::string int_max = "2147483647";
  const std::string too_large = "2147483648";
  const NumberCase cases[] = {
      {"timeout_ms", "0 to " + int_max + " (milliseconds)", {"-1", too_large, "1.5", "true"}},
      {"connect_timeout_ms", "1 to " + int_max + " (milliseconds)", {"0", too_large}},
      {"server_connections", "1 to 1024", {"0", "1025"}},
      {"server_failure_limit", "0 to " + int_max, {"-1", too_large}},
      {"server_retry_timeout_ms", "0 to " + int_max + " (milliseconds)", {"-1", too_large}},
      {"client_connections", "0 to " + int_max, {"-1", too_large}},
      {"backlog", "1 to 65535", {"0", "65536"}},
      {"database", "0 to " + int_max, {"-1", too_large, "4294967296", "9223372036854775807"}},
  };
  for (const NumberCase& row : cases) {
    const std::string column = std::to_string(row.key.size() + 4);
    for (const std::string& bad : row.bad) {
      const std::string seen = bad == "1.5" ? "a float" : bad;
      check_one(errors_of_pool_with(row.key + " = " + bad + "\n"),
                "f:5:" + column + ": key \"" + row.key + "\" must be an integer from " + row.range +
                    ", not " + seen);
    }
  }
  check_one(
      errors_of_pool_with("timeout_ms = \"400ms\"\n"),
      "f:5:14: key \"timeout_ms\" must be an integer from 0 to 2147483647 (milliseconds), not "
      "\"400ms\"");
  for (const std::string bad : {"1", "99"}) {
    check_one(errors_of_pool_with("[proxy]\ndns_refresh_ms = " + bad + "\n"),
              "f:6:18: key \"dns_refresh_ms\" must be 0 (names are looked up again only when "
              "connections fail) or at least 100 milliseconds, not " +
                  bad);
  }
  for (const std::string good : {"0", "100", "2147483647"}) {
    CHECK(errors_of_pool_with("[proxy]\ndns_refresh_ms = " + good + "\n").empty());
    CHECK(errors_of_pool_with("[proxy]\ndrain_timeout_ms = " + good + "\n").empty());
  }
  CHECK(errors_of_pool_with("[proxy]\ndns_refresh_ms = 2147483648\n").size() == 1);
  CHECK(errors_of_pool_with("[proxy]\ndrain_timeout_ms = 2147483648\n").size() == 1);
  check_one(errors_of_pool_with("[proxy]\nthreads = 257\n"),
            "f:6:11: key \"threads\" must be an integer from 0 to 256 (0 = one a core), not 257");
  for (const std::string good : {"0", "100", "3600000"}) {
    CHECK(errors_of_pool_with("[admin]\nslow_ms = " + good + "\n").empty());
  }
  CHECK(errors_of_pool_with("[admin]\nslow_ms = 3600001\n").size() == 1);
  CHECK(errors_of_pool_with("[admin]\nhot_keys = false\n").empty());
  CHECK(errors_of_pool_with("[admin]\nhot_keys = 1\n").size() == 1);
}

TEST_CASE("sizes out of range, without or with a wrong unit are refused") {
  const std::string words =
      ", an integer in bytes or a string with KiB, MiB or GiB such as \"64MiB\", not ";
  const std::string request = "f:5:20: key \"max_request_size\" must be a size from 1KiB to 2GiB";
  for (const std::string bad :
       {"\"10 MB\"", "\"1024\"", "\"1  KiB\"", "\"KiB\"", "\"-1KiB\"", "\"1.5MiB\"", "\"2049MiB\"",
        "\"18446744073709551615GiB\"", "\"1KiB \"", "1023", "-1", "2147483649", "\"\""}) {
    check_one(errors_of_pool_with("max_request_size = " + bad + "\n"), request + words + bad);
  }
  check_one(errors_of_pool_with("client_output_limit = [1]\n"),
            "f:5:23: key \"client_output_limit\" must be a size from 16KiB to 1024GiB" + words +
                "an array");
}

TEST_CASE("booleans are true and false") {
  for (const std::string key : {"preconnect", "tcp_keepalive", "auto_eject_hosts"}) {
    const std::string place = "f:5:" + std::to_string(key.size() + 4) + ": key \"" + key + "\"";
    const std::string words = place + " must be true or false, without quotes, not ";
    check_one(errors_of_pool_with(key + " = \"yes\"\n"), words + "\"yes\"");
    check_one(errors_of_pool_with(key + " = 1\n"), words + "1");
  }
}

TEST_CASE("words outside their list name the list and the nearest") {
  check_one(errors_of_pool_with("hash = \"fnv1a64\"\n"),
            "f:5:8: key \"hash\" must be one of one_at_a_time, md5, crc16, crc32, crc32a, fnv1_64, "
            "fnv1a_64, fnv1_32, fnv1a_32, hsieh, murmur, jenkins, xxh3, not \"fnv1a64\"; the "
            "nearest is \"fnv1a_64\"");
  check_one(errors_of_pool_with("distribution = \"Ketama\"\n"),
            "f:5:16: key \"distribution\" must be one of ketama, modula, random, jump, maglev, "
            "rendezvous, not \"Ketama\"; the nearest is \"ketama\"");
  check_one(errors_of_pool_with("protocol = \"\"\n"),
            "f:5:12: key \"protocol\" must be one of redis, memcached, not \"\"");
  check_one(errors_of_pool_with("[proxy]\nio = \"iouring\"\n"),
            "f:6:6: key \"io\" must be one of auto, uring, epoll, not \"iouring\"; the nearest is "
            "\"uring\"");
  check_one(errors_of_pool_with("[proxy]\nlog_level = 3\n"),
            "f:6:13: key \"log_level\" must be one of error, warn, info, debug, not 3");
}

TEST_CASE("keys that contradict each other are refused") {
  check_one(errors_of_pool_with("on_failure = \"error\"\n"),
            "f:5:1: key \"on_failure\" matters with auto_eject_hosts = true only; set that too");
  check_one(errors_of_pool_with("auto_eject_hosts = true\non_failure = \"miss\"\n"),
            "f:6:1: key \"on_failure\" is only for pools with protocol = \"memcached\"");
  check_one(errors_of_pool_with("timeout_ms = 400\nstall_timeout_ms = 300\n"),
            "f:6:20: key \"stall_timeout_ms\" must not be less than timeout_ms (400)");
}

TEST_CASE("a memory limit that leaves no room to work is refused") {
  check_one(errors_of_pool_with("[proxy]\nmemory_limit = \"1MiB\"\n"),
            "f:6:16: key \"memory_limit\" must be 0 (no limit) or at least 64MiB, else the proxy "
            "could not work");
}

TEST_CASE("a key of the other protocol is refused, not ignored") {
  check_one(errors_of_pool_with("miss_on_error = true\n"),
            "f:5:1: key \"miss_on_error\" is only for pools with protocol = \"memcached\"");
  check_one(errors_of_pool_with("fold_gets = false\n"),
            "f:5:1: key \"fold_gets\" is only for pools with protocol = \"memcached\"");
  check_one(errors_of_pool_with("protocol = \"memcached\"\ndatabase = 3\n"),
            "f:6:1: key \"database\" is only for pools with protocol = \"redis\"");
}

TEST_CASE("a hash tag has two bytes or none") {
  const std::string words =
      "f:5:12: key \"hash_tag\" must be a string of two bytes, the opening and the closing one, "
      "such as \"{}\", or empty, not ";
  check_one(errors_of_pool_with("hash_tag = \"{\"\n"), words + "\"{\"");
  check_one(errors_of_pool_with("hash_tag = \"{{}\"\n"), words + "\"{{}\"");
  check_one(errors_of_pool_with("hash_tag = {}\n"), words + "a table");
}

TEST_CASE("names are not empty, not long, and hold no control characters") {
  const std::string rest = "\nlisten = \"h:1\"\nservers = [\"h:2:1\"]\n";
  check_one(errors_of("[[pool]]\nname = \"\"" + rest), "f:2:8: key \"name\" must not be empty");
  check_one(errors_of("[[pool]]\nname = \"a\\tb\"" + rest),
            "f:2:8: key \"name\" must not hold a control character: \"a\\x09b\"");
  check_one(errors_of("[[pool]]\nname = \"" + std::string(129, 'a') + "\"" + rest),
            "f:2:8: key \"name\" must have at most 128 bytes, not 129");
  check_one(errors_of("[[pool]]\nname = 5" + rest),
            "f:2:8: key \"name\" must be a string in double quotes, not an integer");
}

TEST_CASE("endpoints are checked one by one") {
  const auto errors = errors_of(
      "[[pool]]\nname = \"a\"\nservers = [\"h:2:1\"]\n"
      "listen = [\n\"h\",\n\"::1:5\",\n\"unix:a\",\n\"h:0\",\n\"h:65536\",\n\":1\",\n\"/a\",\n5,\n"
      "\"[h]:1\",\n\"h:1\"]\n");
  const std::vector<std::string> wanted = {
      "f:5:1: key \"listen\": \"h\" has no port" + kEndpointForms,
      "f:6:1: key \"listen\": an IPv6 address stands in brackets: \"[::1]:5\"" + kEndpointForms,
      "f:7:1: key \"listen\": unix path \"a\" does not start with \"/\"" + kEndpointForms,
      "f:8:1: key \"listen\": port \"0\" is not a number from 1 to 65535" + kEndpointForms,
      "f:9:1: key \"listen\": port \"65536\" is not a number from 1 to 65535" + kEndpointForms,
      "f:10:1: key \"listen\": the host is empty" + kEndpointForms,
      "f:11:1: key \"listen\": a unix path is written \"unix:/a\"" + kEndpointForms,
      "f:12:1: key \"listen\" must be a string in double quotes, not an integer",
      "f:13:1: key \"listen\": \"h\" in brackets is not an IPv6 address" + kEndpointForms,
  };
  CHECK(errors == wanted);
  check_one(errors_of("[[pool]]\nname = \"a\"\nservers = [\"h:2:1\"]\nlisten = []\n"),
            "f:4:10: key \"listen\" must have 1 to 64 endpoints, not 0");
}

TEST_CASE("an endpoint may be listened on once in the whole file") {
  check_one(errors_of_pool_with("[[pool]]\nname = \"b\"\nservers = [\"h:2:1\"]\n"
                                "listen = [\"h:9\", \"h:1\"]\n"),
            "f:8:18: endpoint \"h:1\" is already listened on, see line 3; every endpoint may be "
            "given once");
  check_one(errors_of_pool_with("[admin]\nlisten = \"h:1\"\n"),
            "f:6:10: endpoint \"h:1\" is already listened on, see line 3; every endpoint may be "
            "given once");
}

TEST_CASE("server lines say what is wrong with them") {
  const std::pair<std::string, std::string> cases[] = {
      {"h", "port and weight are missing"},
      {"h:1", "the port is missing"},
      {"h:1:0", "weight \"0\" is not a number from 1 to 2147483647"},
      {"h:1:x", "weight \"x\" is not a number from 1 to 2147483647"},
      {"h:1:+1", "weight \"+1\" is not a number from 1 to 2147483647"},
      {"h:1:2147483648", "weight \"2147483648\" is not a number from 1 to 2147483647"},
      {"h:1:4294967297", "weight \"4294967297\" is not a number from 1 to 2147483647"},
      {"h:0:1", "port \"0\" is not a number from 1 to 65535"},
      {"h:65536:1", "port \"65536\" is not a number from 1 to 65535"},
      {":1:1", "the host is empty"},
      {"h:1:1 ", "the name behind the blank is empty"},
      {"h:1:1  a", "more than one blank: a name is one word"},
      {"h:1:1 a b", "more than one blank: a name is one word"},
      {"h:1:2:3", "\"h:1\" is not a host name or an IP address"},
      {"/a:b:1",
       "the unix path holds a \":\", which a server line cannot express; write a table with "
       "address "
       "= \"unix:/path\""},
      {"/a", "port and weight are missing"},
  };
  for (const auto& [line, words] : cases) {
    check_one(errors_of_servers("[\"" + line + "\"]"),
              "f:4:12: server \"" + line + "\": " + words + kServerForms);
  }
}

TEST_CASE("server tables say what is wrong with them") {
  check_one(errors_of_servers("[{ adress = \"h:2\", address = \"h:2\" }]"),
            "f:4:14: unknown key \"adress\" in a server's table; the nearest known key is "
            "\"address\"");
  check_one(errors_of_servers("[{ name = \"b\" }]"),
            "f:4:12: key \"address\" is missing in a server's table; write { address = "
            "\"host:port\", weight = 1, name = \"a name\" }");
  check_one(errors_of_servers("[{ address = \"h:2\", weight = 0 }]"),
            "f:4:40: key \"weight\" must be an integer from 1 to 2147483647, not 0");
  check_one(
      errors_of_servers("[{ address = \"h:2:1\" }]"),
      "f:4:24: key \"address\": an IPv6 address stands in brackets: \"[h:2]:1\"" + kEndpointForms);
  check_one(errors_of_servers("[{ address = \"h:2\", name = \"\" }]"),
            "f:4:38: key \"name\" must not be empty");
  check_one(errors_of_servers("[true]"),
            "f:4:12: a server must be a string or a table, not a boolean; write "
            "\"host:port:weight name\"");
}

TEST_CASE("the number of servers and of server connections is limited") {
  check_one(errors_of_servers("[]"), "f:4:11: key \"servers\" must have 1 to 1024 servers, not 0");
  check_one(errors_of_servers("\"h:2:1\""),
            "f:4:1: key \"servers\" must be an array, not a string; write servers = "
            "[\"host:port:weight name\"]");
  std::string servers = "[";
  for (int i = 1; i <= 1024; ++i) servers += "\"h:" + std::to_string(i) + ":1\",";
  CHECK(errors_of_servers(servers + "]").empty());
  check_one(errors_of_servers(servers + "\"h:1025:1\"]"),
            "f:4:11: key \"servers\" must have 1 to 1024 servers, not 1025");
  CHECK(errors_of_servers(servers + "]\nserver_connections = 64").empty());
  check_one(errors_of_servers(servers + "]\nserver_connections = 65"),
            "f:1:1: with this pool the file asks for 66560 server connections a worker "
            "(server_connections times servers, all pools); at most 65536 are allowed");
}

TEST_CASE("names of pools, and of servers within a pool, must differ") {
  check_one(
      errors_of_pool_with("[[pool]]\nname = \"a\"\nservers = [\"h:2:1\"]\nlisten = \"h:9\"\n"),
      "f:6:8: pool name \"a\" is taken by the pool named in line 2; names of pools must "
      "differ");
  check_one(
      errors_of_servers("[\"h:2:1\",\n\"h:2:5\"]"),
      "f:5:1: server name \"h:2\" is taken by the server in line 4; give one of them a name of "
      "its own");
  CHECK(errors_of_servers("[\"h:2:1\", \"h:2:5 other\"]").empty());
}

TEST_CASE("there are at most 256 pools") {
  const auto pools = [](int count) {
    std::string text;
    for (int i = 1; i <= count; ++i) {
      const std::string number = std::to_string(i);
      text += "[[pool]]\nname = \"" + number + "\"\nlisten = \"h:" + number +
              "\"\nservers = [\"h:1:1\"]\n";
    }
    return text;
  };
  CHECK(errors_of(pools(256)).empty());
  check_one(errors_of(pools(257)), "f:1025:1: one [[pool]] too many: at most 256 are allowed");
}

TEST_CASE("all errors come at once, in the order of the file") {
  const auto errors = errors_of(
      "treads = 3\n"
      "[[pool]]\nlisten = \"h:1\"\nservers = [\"h:2\"]\nname = \"a\"\nhash = 5\n"
      "[proxy]\nthreads = -1\n"
      "[[pool]]\nname = \"a\"\nlisten = \"h:1\"\nservers = [\"h:2:1\", \"h:2:1\"]\n");
  std::vector<std::string> places;
  for (const std::string& error : errors) places.push_back(error.substr(0, error.find(": ")));
  CHECK(places == std::vector<std::string>{"f:1:1", "f:4:12", "f:6:8", "f:8:11", "f:10:8",
                                           "f:11:10", "f:12:21"});
}

TEST_CASE("no error shows a password") {
  const std::string texts[] = {
      "password = \"hunter2\\n\"\n",
      "password = hunter2\n",
      "password = \"hunter2\n",
      "password = \"x\"hunter2\n",
      "password = 'hunter2' 'hunter2'\n",
      "client_password = [\"hunter2\"]\n",
      "client_password = { a = \"hunter2\" }\n",
      "password = \"\"\"hunter2\nhunter2\n",
      "password =\n\"hunter2\"\n",
      "redis_auth = \"hunter2\"\n",
      "pasword = \"hunter2\"\n",
      "password = \"hunter2\"\npassword = \"hunter2\"\n",
      "password = \"hunter2" + std::string(1100, 'x') + "\"\n",
      "password : hunter2\n",
      "listen = \"redis://user:hunter2@h:1\"\n",
  };
  for (const std::string& text : texts) {
    INFO(text);
    const auto errors = errors_of_pool_with(text);
    CHECK(!errors.empty());
    for (const std::string& error : errors) CHECK(error.find("hunter") == std::string::npos);
  }
  for (const std::string line : {"user:hunter2@h:1:1", "redis://:hunter2@h:1:1", "hunter2@h:1:1"}) {
    const auto errors = errors_of_servers("[\"" + line + "\"]");
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].find("hunter") == std::string::npos);
  }
  const std::string number = "12345678901234567890123";
  const auto errors = errors_of_pool_with("password = " + number + "\n");
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].find("1234567") == std::string::npos);
}

TEST_CASE("a file that cannot be read says so") {
  const auto config = load_config("/nonexistent/ringfold.toml");
  REQUIRE(!config);
  REQUIRE(config.error().size() == 1);
  CHECK(to_string(config.error()[0]) ==
        "/nonexistent/ringfold.toml: cannot read the file: No such file or directory");
}

}  // namespace
}  // namespace ringfold
