// The runner of scripts finds scripts that are wrong, in whatever delivery they are.
#include <doctest/doctest.h>

#include "script.h"
#include "toy_resp.h"

using namespace ringfold;
using namespace ringfold::sim;
using toy::command;

namespace {

void pass_one_through(Script& s) {
  s.start(1);
  s.client().says(command({"SET", "k", "v"}));
  s.backend().hears(command({"SET", "k", "v"}));
  s.backend().says("+OK\r\n");
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a script that hears something else fails at its line") {
  const std::string failure = script_failure([](Script& s) {
    pass_one_through(s);
    s.client().hears("+KO\r\n");
  });
  CHECK(contains(failure, "delivered whole"));
  CHECK(contains(failure, "client 0 hears \"+OK\\r\\n\" where it should hear \"+KO"));
}

TEST_CASE("a script that should hear nothing, or more than there is, fails") {
  CHECK(contains(script_failure([](Script& s) {
                   pass_one_through(s);
                   s.client().hears_nothing();
                 }),
                 "should hear nothing"));
  CHECK(contains(script_failure([](Script& s) {
                   pass_one_through(s);
                   s.client().hears("+OK\r\n+OK\r\n");
                 }),
                 "where it should hear"));
}

TEST_CASE("every single cut is played, and so is byte by byte") {
  for (const u64 cut : {u64{1}, u64{13}, u64{26}}) {
    static u64 at;
    at = cut;
    const std::string failure = script_failure([](Script& s) {
      pass_one_through(s);
      if (s.stage.network.policy.cut_at == at) s.client().hears_nothing();
      s.client().hears("+OK\r\n");
    });
    CHECK(contains(failure, "every stream cut at byte"));
  }
  CHECK(contains(script_failure([](Script& s) {
                   pass_one_through(s);
                   if (s.stage.network.policy.byte_by_byte) s.client().hears_nothing();
                   s.client().hears("+OK\r\n");
                 }),
                 "delivered byte by byte"));
}
