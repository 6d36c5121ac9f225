// Scripts: one client with much to ask takes its share, and others have their turn.
#include <doctest/doctest.h>

#include <string>

#include "ringfold/base/limits.h"
#include "script.h"
#include "toy_resp.h"

using namespace ringfold;
using namespace ringfold::sim;
using toy::command;

namespace {

std::string times(u32 count, std::string_view text) {
  std::string all;
  for (u32 i = 0; i < count; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("a deep pipeline goes to the server in parts, and others get in between") {
  play_script([](Script& s) {
    constexpr u32 kRest = 100;
    s.start(1);
    const std::string deep = command({"get", "d"});
    const std::string polite = command({"get", "p"});
    s.client(0).says(times(kClientPipelineStart + kRest, deep));
    s.backend().hears(times(kClientPipelineStart, deep));
    s.backend().hears_nothing();
    s.client(1).says(polite);
    s.backend().hears(polite);
    s.backend().says(times(kClientPipelineStart, "$1\r\nd\r\n"));
    s.client(0).hears(times(kClientPipelineStart, "$1\r\nd\r\n"));
    s.backend().hears(times(kRest, deep));
    s.backend().says("$1\r\np\r\n");
    s.client(1).hears("$1\r\np\r\n");
    s.backend().says(times(kRest, ":7\r\n"));
    s.client(0).hears(times(kRest, ":7\r\n"));
  });
}

TEST_CASE("a client whose replies are large has fewer commands under way") {
  play_script([](Script& s) {
    constexpr u32 kRest = 10;
    s.start(1);
    const std::string get = command({"get", "k"});
    const std::string reply = toy::bulk(std::string(300'000, 'x'));
    s.client().says(get);
    s.backend().hears(get);
    s.backend().says(reply);
    s.client().hears(reply);
    s.advance(50);
    // One reply is little to go by: the size expected is half of it.
    const u32 few = static_cast<u32>(kClientReplyBytesMax / (reply.size() / 2 + 1));
    s.client().says(times(few + kRest, get));
    s.backend().hears(times(few, get));
    s.backend().hears_nothing();
    s.backend().closes();
    for (u32 i = 0; i < few; ++i) s.client().hears_error("closed the connection");
    s.backend().hears(times(kRest, get));
  });
}

TEST_CASE("commands that the proxy answers by itself take turns as well") {
  play_script([](Script& s) {
    constexpr u32 kMany = kClientCommandsPerTick * 2 + 100;
    s.start(1);
    s.client(0).says(times(kMany, "ping\r\n"));
    s.client(0).hears(times(kMany, "+PONG\r\n"));
    s.client(0).says(times(kMany, "ping\r\n") + command({"get", "k"}));
    s.client(1).says("ping\r\n");
    s.client(1).hears("+PONG\r\n");
    s.backend().hears(command({"get", "k"}));
    s.backend().says("$-1\r\n");
    s.client(0).hears(times(kMany, "+PONG\r\n") + "$-1\r\n");
  });
}
