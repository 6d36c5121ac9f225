// Lines that come again and again.
#include "app/log_limiter.h"

#include <doctest/doctest.h>

#include <string>

namespace ringfold {
namespace {

using Summaries = std::vector<LogLimiter::Summary>;

constexpr Nanos kStart = 1000 * kSecond;

// How many of count lines are admitted.
u32 admit_many(LogLimiter& limiter, u32 count, const std::string& text, Nanos now) {
  u32 admitted = 0;
  for (u32 i = 0; i < count; ++i)
    admitted += limiter.admit(LogLevel::warn, text + std::to_string(i), now) ? 1 : 0;
  return admitted;
}

TEST_CASE("lines that differ in numbers only are one kind, and so many are written in a span") {
  LogLimiter limiter;
  CHECK(limiter.due() == kNever);
  CHECK(admit_many(limiter, 200, "client 127.0.0.1:", kStart) == LogLimiter::kLinesMax);
  CHECK(limiter.due() == kStart + LogLimiter::kSpan);
  CHECK(limiter.take_summaries(kStart + LogLimiter::kSpan - 1).empty());
  const Summaries summaries = limiter.take_summaries(kStart + LogLimiter::kSpan);
  REQUIRE(summaries.size() == 1);
  CHECK(summaries[0].text == "190 more lines like this were left out: client 127.0.0.1:199");
  CHECK(summaries[0].level == LogLevel::warn);
  CHECK(limiter.due() == kNever);
  CHECK(admit_many(limiter, 20, "client 127.0.0.1:", kStart + LogLimiter::kSpan) ==
        LogLimiter::kLinesMax);
}

TEST_CASE("a span in which nothing was left out ends without a word") {
  LogLimiter limiter;
  CHECK(admit_many(limiter, LogLimiter::kLinesMax, "a", kStart) == LogLimiter::kLinesMax);
  CHECK(limiter.take_summaries(kStart + LogLimiter::kSpan).empty());
  CHECK(limiter.due() == kNever);
}

TEST_CASE("one line is spoken of as one") {
  LogLimiter limiter;
  CHECK(admit_many(limiter, LogLimiter::kLinesMax + 1, "a", kStart) == LogLimiter::kLinesMax);
  const Summaries summaries = limiter.take_summaries(kNever);
  REQUIRE(summaries.size() == 1);
  CHECK(summaries[0].text == "1 more line like this was left out: a10");
}

TEST_CASE("names in quotes tell kinds apart") {
  LogLimiter limiter;
  CHECK(admit_many(limiter, 50, "server \"s1\" (10.0.0.1:6379) broke, ", kStart) ==
        LogLimiter::kLinesMax);
  CHECK(admit_many(limiter, 50, "server \"s2\" (10.0.0.1:6379) broke, ", kStart + 1) ==
        LogLimiter::kLinesMax);
  CHECK(limiter.take_summaries(kStart + LogLimiter::kSpan).size() == 1);
  CHECK(limiter.due() == kStart + 1 + LogLimiter::kSpan);
  CHECK(limiter.take_summaries(kStart + 1 + LogLimiter::kSpan).size() == 1);
}

TEST_CASE("a summary is as grave as the gravest line that was left out") {
  LogLimiter limiter;
  CHECK(admit_many(limiter, LogLimiter::kLinesMax, "a", kStart) == LogLimiter::kLinesMax);
  CHECK(!limiter.admit(LogLevel::debug, "a1", kStart));
  CHECK(!limiter.admit(LogLevel::error, "a2", kStart));
  CHECK(!limiter.admit(LogLevel::info, "a3", kStart));
  const Summaries summaries = limiter.take_summaries(kNever);
  REQUIRE(summaries.size() == 1);
  CHECK(summaries[0].level == LogLevel::error);
  CHECK(summaries[0].text == "3 more lines like this were left out: a3");
}

TEST_CASE("kinds beyond the limit are counted together, so memory stays bounded") {
  LogLimiter limiter;
  u32 admitted = 0;
  for (u32 i = 0; i < 3 * LogLimiter::kKindsMax; ++i) {
    const std::string text = "pool \"" + std::to_string(i) + "\"";
    admitted += limiter.admit(LogLevel::info, text, kStart) ? 1 : 0;
  }
  CHECK(admitted == LogLimiter::kKindsMax + LogLimiter::kLinesMax);
  CHECK(limiter.take_summaries(kNever).size() == 1);
}

}  // namespace
}  // namespace ringfold
