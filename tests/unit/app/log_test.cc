// The form of a log line, and files that are moved away.
#include "app/log.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace ringfold {
namespace {

// A folder that is gone at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string form = (std::filesystem::temp_directory_path() / "ringfold-XXXXXX").string();
    REQUIRE(::mkdtemp(form.data()) != nullptr);
    path_ = form;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string read_file(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The texts of a log, each behind its time.
std::string without_times(const std::string& log) {
  std::istringstream lines(log);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    REQUIRE(line.size() > 25);
    CHECK(line[23] == 'Z');
    out += line.substr(25) + "\n";
  }
  return out;
}

std::string text_line(const timespec& time, const LogLine& line) {
  return format_log_line(LogFormat::text, time, line);
}

std::string json_line(const LogLine& line) {
  return format_log_line(LogFormat::json, {1795344448, 934999999}, line);
}

TEST_CASE("a line has the time in UTC with milliseconds, the level, the worker and the text") {
  CHECK(text_line({1795344448, 934999999}, {LogLevel::info, "text", 0}) ==
        "2026-11-22T10:47:28.934Z info  worker 0: text\n");
  CHECK(text_line({0, 5000000}, {LogLevel::error, ""}) == "1970-01-01T00:00:00.005Z error \n");
  CHECK(text_line({0, 0}, {LogLevel::warn, "a"}) == "1970-01-01T00:00:00.000Z warn  a\n");
  CHECK(text_line({0, 0}, {LogLevel::debug, "a"}) == "1970-01-01T00:00:00.000Z debug a\n");
}

TEST_CASE("as JSON it is one object") {
  CHECK(json_line({LogLevel::warn, "server \"s0\" is ejected", 12}) ==
        "{\"time\":\"2026-11-22T10:47:28.934Z\",\"level\":\"warn\",\"worker\":12,"
        "\"text\":\"server \\\"s0\\\" is ejected\"}\n");
  CHECK(json_line({LogLevel::info, "ready"}) ==
        "{\"time\":\"2026-11-22T10:47:28.934Z\",\"level\":\"info\",\"text\":\"ready\"}\n");
}

TEST_CASE("a text cannot forge a line") {
  CHECK(text_line({0, 0}, {LogLevel::info, "a\nb\x1b[0m"}) ==
        "1970-01-01T00:00:00.000Z info  a\\x0ab\\x1b[0m\n");
  CHECK(json_line({LogLevel::info, "a\n\x1b\\\xff\xc3\xa9"}) ==
        "{\"time\":\"2026-11-22T10:47:28.934Z\",\"level\":\"info\","
        "\"text\":\"a\\n\\u001b\\\\\xef\xbf\xbd\xc3\xa9\"}\n");
}

TEST_CASE("lines above the level are left out") {
  const TemporaryFolder folder;
  auto log = Log::open({folder.file("log"), LogLevel::warn});
  REQUIRE(log);
  log->write(LogLevel::error, "one");
  log->write(LogLevel::warn, "two");
  log->write(LogLevel::info, "three");
  log->write(LogLevel::debug, "four");
  CHECK(without_times(read_file(folder.file("log"))) == "error one\nwarn  two\n");
}

TEST_CASE("a log file that was moved away is made anew by reopen, and appended to") {
  const TemporaryFolder folder;
  auto log = Log::open({folder.file("log"), LogLevel::info});
  REQUIRE(log);
  log->write(LogLevel::info, "before");
  REQUIRE(::rename(folder.file("log").c_str(), folder.file("old").c_str()) == 0);
  log->write(LogLevel::info, "between");
  REQUIRE(log->reopen());
  log->write(LogLevel::info, "after");
  REQUIRE(log->reopen());
  log->write(LogLevel::info, "again");
  CHECK(without_times(read_file(folder.file("old"))) == "info  before\ninfo  between\n");
  CHECK(without_times(read_file(folder.file("log"))) == "info  after\ninfo  again\n");
}

TEST_CASE("a log file that cannot be opened is an error, and reopen keeps the old one") {
  const TemporaryFolder folder;
  const auto bad = Log::open({folder.file("no/log"), LogLevel::info});
  REQUIRE(!bad);
  CHECK(bad.error().text ==
        "cannot open the log file " + folder.file("no/log") + ": No such file or directory");

  std::filesystem::create_directory(folder.file("in"));
  auto log = Log::open({folder.file("in/log"), LogLevel::info});
  REQUIRE(log);
  std::filesystem::rename(folder.file("in"), folder.file("out"));
  CHECK(!log->reopen());
  log->write(LogLevel::info, "still here");
  CHECK(without_times(read_file(folder.file("out/log"))) == "info  still here\n");
}

}  // namespace
}  // namespace ringfold
