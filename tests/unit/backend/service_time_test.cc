#include "backend/service_time.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "backend/numbers.h"

using namespace ringfold;
using backend::ServiceTime;

TEST_CASE("times and shares are read as they are written") {
  CHECK(backend::parse_duration("200us").value() == 200e3);
  CHECK(backend::parse_duration("1.5ms").value() == 1.5e6);
  CHECK(backend::parse_duration("2s").value() == 2e9);
  CHECK(backend::parse_duration("7ns").value() == 7);
  for (const char* bad : {"", "5", "us", "-1ms", "2h", "1e9s", "1 ms"}) {
    CAPTURE(bad);
    CHECK_FALSE(backend::parse_duration(bad).has_value());
  }
  CHECK(backend::parse_share("0.01") == 0.01);
  CHECK(backend::parse_share("1%") == 0.01);
  CHECK(backend::parse_share("1/10000") == 1e-4);
  CHECK(backend::parse_share("1") == 1.0);
  for (const char* bad : {"", "2", "-0.1", "101%", "1/0", "2/1", "x", "nan"}) {
    CAPTURE(bad);
    CHECK_FALSE(backend::parse_share(bad).has_value());
  }
}

TEST_CASE("what is no service time is said to be none") {
  for (const char* bad : {"", "200", "exp:", "exp:5", "uniform:1ms", "uniform:3ms-1ms",
                          "lognormal:1ms", "lognormal:1ms,x", "lognormal:1ms,-1", "mix:", "mix:1ms",
                          "mix:0*1ms", "mix:0.5*1ms+", "gauss:1ms"}) {
    CAPTURE(bad);
    const auto time = ServiceTime::parse(bad);
    REQUIRE_FALSE(time.has_value());
    CHECK(time.error().text.find("no service time") != std::string::npos);
  }
}

TEST_CASE("draws follow the law that was asked for") {
  constexpr std::size_t kDraws = 1'000'000;
  for (const char* text :
       {"exp:200us", "uniform:100us-300us", "lognormal:200us,0.5", "lognormal:2ms,1",
        "mix:0.9*uniform:100us-200us+0.1*exp:5ms", "mix:3*exp:1ms+1*lognormal:8ms,0.25"}) {
    CAPTURE(text);
    const auto time = ServiceTime::parse(text);
    REQUIRE(time.has_value());
    CHECK_FALSE(time->is_zero());
    Prng prng(7);
    std::vector<Nanos> draws(kDraws);
    for (Nanos& draw : draws) draw = time->draw(prng);
    std::ranges::sort(draws);
    for (const double p : {0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99}) {
      CAPTURE(p);
      // As a share: of a million draws the share below a quantile strays by 0.0005 at most (one
      // standard deviation).
      const auto below = std::ranges::lower_bound(draws, static_cast<Nanos>(time->quantile(p)));
      const double share = static_cast<double>(below - draws.begin()) / static_cast<double>(kDraws);
      CHECK(std::abs(share - p) < 0.0025);
    }
  }
}

TEST_CASE("a fixed time is always the same, and quantiles are those of the law") {
  const auto fixed = ServiceTime::parse("200us");
  Prng prng(1);
  for (int i = 0; i < 100; ++i) CHECK(fixed->draw(prng) == 200'000);
  CHECK(fixed->quantile(0.5) == doctest::Approx(200e3).epsilon(1e-5));
  CHECK(ServiceTime().is_zero());
  CHECK(ServiceTime().draw(prng) == 0);
  // -ln(1 - p), and exp(sigma z) with the normal quantile of 0.9.
  CHECK(ServiceTime::parse("exp:1ms")->quantile(0.9) == doctest::Approx(2.302585e6).epsilon(1e-5));
  CHECK(ServiceTime::parse("lognormal:1ms,1")->quantile(0.9) ==
        doctest::Approx(3.602224e6).epsilon(1e-5));
}
