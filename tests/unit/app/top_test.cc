// `ringfold top`: what it makes of two readings, and that it fits the terminal.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "app/stats_json.h"
#include "app/top/reading.h"
#include "app/top/screen.h"
#include "app/top/stats_client.h"

using namespace ringfold;
using namespace ringfold::top;

namespace {

StatsView view_of(double uptime_seconds, u64 requests) {
  StatsView view;
  view.version = "0.1.0";
  view.pid = 7;
  view.uptime_seconds = uptime_seconds;
  view.io = "io_uring";
  PoolView pool;
  pool.name = "sessions";
  pool.requests[0] = requests;
  pool.errors = {{"refused", requests / 100}, {"auth", 3}};
  for (const char* const name : {"alpha", "beta"}) {
    ServerView server;
    server.name = name;
    server.address = "127.0.0.1:6379";
    server.key_share = 0.5;
    server.requests[1] = requests / 2;
    pool.servers.push_back(server);
  }
  pool.servers[1].state = "down";
  view.pools.push_back(pool);
  return view;
}

Reading reading_of(const StatsView& view) {
  auto reading = parse_reading(stats_json(view));
  if (!reading) FAIL(reading.error().text);
  return std::move(*reading);
}

bool has_line(const std::vector<std::string>& lines, std::string_view text) {
  return std::ranges::any_of(
      lines, [text](const auto& line) { return line.find(text) != std::string::npos; });
}

}  // namespace

TEST_CASE("a percentile is the bound that so many values do not exceed") {
  CHECK(!percentile({}, 0.5).has_value());
  CHECK(percentile({{0.1, 1}}, 0.5) == 0.1);
  CHECK(percentile({{0.1, 1}}, 0.999) == 0.1);
  const top::Histogram thousand = {{0.1, 500}, {0.2, 490}, {0.3, 9}, {0.4, 1}};
  CHECK(percentile(thousand, 0.5) == 0.1);
  CHECK(percentile(thousand, 0.501) == 0.2);
  CHECK(percentile(thousand, 0.99) == 0.2);
  CHECK(percentile(thousand, 0.999) == 0.3);
  CHECK(percentile(thousand, 1.0) == 0.4);
}

TEST_CASE("what was added between two readings") {
  CHECK(added({{0.1, 5}, {0.2, 2}}, {{0.1, 5}}) == top::Histogram{{0.2, 2}});
  CHECK(added({{0.1, 5}}, {}) == top::Histogram{{0.1, 5}});
  CHECK(added({}, {{0.1, 5}}).empty());
}

TEST_CASE("/stats is understood, and what is something else is refused") {
  const Reading reading = reading_of(view_of(10, 1000));
  CHECK(reading.pid == 7);
  REQUIRE(reading.pools.size() == 1);
  CHECK(reading.pools[0].requests == 1000);
  // Those of the servers are among them.
  CHECK(reading.pools[0].errors.at("refused") == 10);
  REQUIRE(find(reading, "sessions") != nullptr);
  CHECK(find(reading, "nobody") == nullptr);
  CHECK(find(*find(reading, "sessions"), "beta")->state == "down");
  for (const char* const bad : {"", "{}", "[]", "null", "<html>", "{\"version\":1}"}) {
    CHECK(!parse_reading(bad).has_value());
  }
}

TEST_CASE("the screen says what is wrong first, and rates of the time between") {
  const std::vector<std::string> lines =
      draw_screen(reading_of(view_of(12, 5000)), reading_of(view_of(10, 1000)), "here", {});
  CHECK(lines[1] == "! server beta (127.0.0.1:6379) of pool sessions is down");
  CHECK(lines[2] == "! pool sessions answers with errors: refused 20/s");
  CHECK(has_line(lines, "requests 2000/s  errors 20/s"));
  CHECK(has_line(lines, "1000/s"));
  // The server that is down stands above the others.
  const auto row_of = [&lines](std::string_view name) {
    return std::ranges::find_if(lines, [name](const auto& line) { return line.starts_with(name); });
  };
  CHECK(row_of("  beta") < row_of("  alpha"));
  CHECK(!has_line(lines, "\x1b"));
}

TEST_CASE("the screen fits any terminal") {
  const Reading now = reading_of(view_of(12, 5000));
  const Reading before = reading_of(view_of(10, 1000));
  for (const std::size_t columns : {1u, 2u, 20u, 79u, 80u, 200u}) {
    for (const std::size_t rows : {1u, 2u, 10u, 24u}) {
      const auto lines =
          draw_screen(now, before, "here", {.columns = columns, .rows = rows, .has_colors = false});
      CHECK(lines.size() <= rows);
      for (const std::string& line : lines) CHECK(line.size() <= columns);
    }
  }
}

TEST_CASE("text is cut by code points, and without bytes that lead the terminal") {
  CHECK(fit("abc", 3) == "abc");
  CHECK(fit("abcd", 3) == "ab~");
  CHECK(fit("\xc3\xa4\xc3\xb6\xc3\xbc", 3) == "\xc3\xa4\xc3\xb6\xc3\xbc");
  CHECK(fit("\xc3\xa4\xc3\xb6\xc3\xbc!", 3) == "\xc3\xa4\xc3\xb6~");
  CHECK(fit("a\x1b[2Jb", 20) == "a\\x1b[2Jb");
  CHECK(fit("a\xc2\x9b"
            "2Jb",
            20) == "a?2Jb");
  CHECK(fit("abc", 0).empty());
}

TEST_CASE("numbers have three digits and a unit") {
  CHECK(format_count(0) == "0");
  CHECK(format_count(9999) == "9999");
  CHECK(format_count(12345) == "12.3 k");
  CHECK(format_count(2.5e6) == "2.50 M");
  CHECK(format_bytes(17) == "17 B");
  CHECK(format_bytes(1536) == "1.50 KiB");
  CHECK(format_seconds(0.000123) == "123 us");
  CHECK(format_seconds(0.00123) == "1.23 ms");
  CHECK(format_seconds(1.5) == "1.50 s");
  CHECK(format_seconds({}) == "-");
}

TEST_CASE("where to ask") {
  const auto text = [](const std::string& url) {
    const auto place = parse_place(url);
    return place ? place->text() : std::string("bad");
  };
  CHECK(text("http://127.0.0.1:22222") == "127.0.0.1:22222");
  CHECK(text("127.0.0.1") == "127.0.0.1:22222");
  CHECK(text("http://proxy1/") == "proxy1:22222");
  CHECK(text("http://[::1]:3") == "[::1]:3");
  CHECK(text("http://[::1]/") == "[::1]:22222");
  for (const char* const bad : {"", "http://", "https://a", "ftp://a:1", "a:1/stats", "unix:/a",
                                "a:x", "a:70000", "http://a:1:2"}) {
    INFO(bad);
    CHECK(text(bad) == "bad");
  }
}
