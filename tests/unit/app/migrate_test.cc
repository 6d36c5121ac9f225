// Moving over from twemproxy, without the program around it. Against twemproxy itself:
// tests/e2e/test_migrate.py.
#include "app/migrate/migrate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "app/migrate/comments.h"
#include "app/migrate/toml_writer.h"
#include "app/migrate/yaml_document.h"
#include "app/migrate/yaml_lines.h"
#include "app/read_file.h"
#include "app/sample_keys.h"
#include "ringfold/base/prng.h"

namespace ringfold {
namespace {

const char* const kSamples[] = {"auth", "memcached", "pools", "tags", "unix"};

std::string read_sample(const std::string& name) {
  const auto text = read_file(RINGFOLD_VECTORS "/migrate/" + name + ".yml");
  REQUIRE(text);
  return *text;
}

TEST_CASE("names in the ring are twemproxy's") {
  const auto name = [](std::string_view line) {
    const auto server = parse_nutcracker_server(line);
    return server ? server->ring_name : "error: " + server.error().text;
  };
  CHECK(name("127.0.0.1:6379:1") == "127.0.0.1:6379");
  CHECK(name("127.0.0.1:11211:1") == "127.0.0.1");
  CHECK(name("127.0.0.1:11211:1 a:b") == "a:b");
  CHECK(name("::1:6379:7") == "::1:6379");
  CHECK(name("::1:11211:7") == "::1");
  CHECK(name("/run/a.sock:1") == "/run/a.sock:");
  CHECK(name("/run/a.sock:1 a") == "a");
  CHECK(name("h:06379:1") == "h:06379");
  for (const char* line : {"", "h", "h:1", "h:1:0", "h:1:x", "h:0:1", ":1:1", "h:1:1 ", "h:1:1 a b",
                           "/a:b:1", "h:1:2147483648", "h:65536:1", "h:-1:1", "h:1:+1"}) {
    CAPTURE(line);
    CHECK(name(line).starts_with("error: "));
  }
}

TEST_CASE("what ringfold would call otherwise is named, so that it keeps its place") {
  const auto migration =
      migrate("p:\n  listen: h:1\n  servers:\n  - h:06379:1\n  - '[::1]:11211:1'\n", "f");
  REQUIRE(migration);
  CHECK(migration->config.pools[0].servers[0].name == "h:06379");
  CHECK(migration->config.pools[0].servers[1].name == "[::1]");
  CHECK(prove(migration->pools, migration->config).holds);
}

TEST_CASE("the samples keep every key, and a proof sees what does not") {
  for (const char* sample : kSamples) {
    CAPTURE(sample);
    auto migration = migrate(read_sample(sample), "f");
    REQUIRE(migration);
    CHECK(prove(migration->pools, migration->config).holds);

    Config other = migration->config;
    other.pools[0].servers[0].name += "x";
    CHECK(!prove(migration->pools, other).holds);
    other = migration->config;
    Endpoint& endpoint = other.pools[0].servers[0].endpoint;
    (endpoint.is_unix() ? endpoint.unix_path : endpoint.host) += "x";
    CHECK(!prove(migration->pools, other).holds);
    other = migration->config;
    other.pools[0].servers[0].weight *= 3;
    CHECK(!prove(migration->pools, other).holds);
    other = migration->config;
    other.pools[0].sharding.hash = HashKind::crc16;
    CHECK(!prove(migration->pools, other).holds);
    other = migration->config;
    other.pools[0].sharding.hash_tag = "()";
    CHECK(!prove(migration->pools, other).holds);
    other = migration->config;
    other.pools.pop_back();
    CHECK(!prove(migration->pools, other).holds);
  }
}

TEST_CASE("every comment of the samples is in the translation") {
  for (const char* sample : kSamples) {
    const std::string text = read_sample(sample);
    const auto migration = migrate(text, "f");
    REQUIRE(migration);
    for (std::string_view line : split_lines(text)) {
      std::string_view comment = comment_behind(line);
      if (is_comment_line(line)) comment = line.substr(indent_of(line));
      if (comment.empty()) continue;
      CAPTURE(comment);
      CHECK(migration->toml.find(comment) != std::string::npos);
    }
  }
}

TEST_CASE("a comment begins where YAML says") {
  CHECK(comment_behind("a: b # c") == "# c");
  CHECK(comment_behind("a: b# c").empty());
  CHECK(comment_behind("  - h:1:1 a#b  # c # d") == "# c # d");
  CHECK(comment_behind("a: \"# no\" # c") == "# c");
  CHECK(comment_behind("a: \"\\\" # no\" # c") == "# c");
  CHECK(comment_behind("a: 'it''s # no' # c") == "# c");
  CHECK(comment_behind("'a # no': b # c") == "# c");
  CHECK(comment_behind("a:\t# c") == "# c");
  CHECK(comment_behind("a: 'open # no").empty());
  CHECK(comment_behind("# alone").empty());
  CHECK(comment_behind("- # c") == "# c");
}

TEST_CASE("comments between two lines go to the one they speak about") {
  const Comments comments = find_comments(
      "# head\n\np:\n  a: 1\n  # b\n  b: 2\n   # deep\n  # c\n  c: 3\n# end of p\n\n# q\nq:\n"
      "  d: 1\n  # last of q\n# end\n",
      {{3, true}, {4, false}, {6, false}, {9, false}, {13, true}, {14, false}});
  CHECK(comments.of_line.at(3).above == std::vector<std::string>{"# head", ""});
  CHECK(comments.of_line.at(6).above == std::vector<std::string>{"# b"});
  CHECK(comments.of_line.at(6).below == std::vector<std::string>{"# deep"});
  CHECK(comments.of_line.at(9).above == std::vector<std::string>{"# c"});
  CHECK(comments.of_line.at(9).below == std::vector<std::string>{"# end of p"});
  CHECK(comments.of_line.at(13).above == std::vector<std::string>{"# q"});
  CHECK(comments.of_line.at(14).below == std::vector<std::string>{"# last of q"});
  CHECK(comments.at_end == std::vector<std::string>{"# end"});
}

TEST_CASE("a value in the line below its key loses no comment") {
  const auto migration =
      migrate("p:\n  listen: # one\n    # two\n    h:1 # three\n  servers:\n  -\n    h:1:1\n", "f");
  REQUIRE(migration);
  for (const char* comment : {"# one", "# two", "# three"}) {
    CAPTURE(comment);
    CHECK(migration->toml.find(comment) != std::string::npos);
  }
}

TEST_CASE("CR LF, a byte order mark and quoted words are read as twemproxy reads them") {
  const auto migration = migrate(
      "\xef\xbb\xbf\"p q\":\r\n  listen: 'h:1'\r\n  \"redis\": \"true\"\r\n  servers:\r\n"
      "  - \"h:1:1 a\"\r\n",
      "f");
  REQUIRE(migration);
  CHECK(migration->config.pools[0].name == "p q");
  CHECK(migration->config.pools[0].protocol == Protocol::redis);
  CHECK(migration->config.pools[0].servers[0].name == "a");
}

TEST_CASE("bytes that are no text are errors with their place") {
  for (const char* text : {"a:\n  b: \x01\n", "a:\n  b: \x7f\n", "a:\n  b: \xff\n",
                           "a:\n  b: \xc0\x80\n", "a:\n  b: \xed\xa0\x80\n", "a:\n  b: \xe2\x82"}) {
    const auto tree = parse_yaml(text, "f");
    REQUIRE(!tree);
    CHECK(tree.error().line == 2);
    CHECK(tree.error().column == 6);
  }
  CHECK(parse_yaml("a: \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\n", "f"));
}

TEST_CASE("strings are written as TOML wants them") {
  CHECK(toml_string("a\"b\\c\td") == "\"a\\\"b\\\\c\\u0009d\"");
}

TEST_CASE("sampled keys are the same in every run and differ from each other") {
  SampleKeys keys("");
  SampleKeys same("{}");
  std::set<std::string> seen;
  for (u32 i = 0; i < kSampleCount; ++i) {
    const std::string key = keys.next();
    CHECK(key == same.next());
    seen.insert(key);
  }
  CHECK(seen.size() == kSampleCount);
}

// Whatever is in a file: an error, or a translation that ringfold reads and that moves no key.
TEST_CASE("mutated samples end in an error or in a translation that holds") {
  Prng prng(1);
  u32 good = 0;
  constexpr std::string_view kSpice = ":#-'\"[]{}&*!|>%@`~?,\\\t\n \r\x01\xc3/019a";
  for (u32 round = 0; round < 3000; ++round) {
    std::string text = read_sample(kSamples[prng.below(std::size(kSamples))]);
    for (u64 left = 1 + prng.below(3); left > 0; --left) {
      const std::size_t at = prng.below(text.size());
      const char c = kSpice[prng.below(kSpice.size())];
      switch (prng.below(4)) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        case 2:
          text.erase(at, 1 + prng.below(4));
          break;
        default:
          text.insert(at, text.substr(prng.below(text.size()), prng.below(30)));
          break;
      }
    }
    const auto migration = migrate(text, "f");
    if (migration) {
      good += 1;
      const auto again = parse_config(migration->toml, "f");
      CHECK(again);
      // The whole proof takes too long for all of them.
      if (good % 100 == 0) CHECK(prove(migration->pools, migration->config).holds);
    } else {
      CHECK(!migration.error().empty());
    }
  }
  CHECK(good > 300);
}

}  // namespace
}  // namespace ringfold
