// Scripts: a drain whose time is over. Who still waits for a server gets an error, and everybody's
// connection ends.
#include <doctest/doctest.h>

#include "script.h"
#include "toy_resp.h"

using namespace ringfold;
using namespace ringfold::sim;
using toy::command;

namespace {

std::string get(const std::string& key) {
  return command({"get", key});
}

constexpr std::string_view kCutOff = "had not answered when drain_timeout_ms was over";

}  // namespace

TEST_CASE("what is answered before the time is over is not lost, the rest gets an error") {
  play_script([](Script& s) {
    s.start(2);
    s.client(0).says(get(s.key(0)) + get(s.key(1)) + get(s.key(0, 1)));
    s.client(1).says(get(s.key(1)));
    s.client(2).connects();
    s.backend(0).hears(get(s.key(0)) + get(s.key(0, 1)));
    s.advance(50);
    s.drain();
    s.client(2).hears_close();
    s.backend(0).says("$1\r\na\r\n$1\r\nb\r\n");
    s.client(0).hears("$1\r\na\r\n");
    s.client(0).hears_nothing();
    s.cut_off();
    s.client(0).hears_error(kCutOff);
    s.client(0).hears("$1\r\nb\r\n");
    s.client(0).hears_close();
    s.client(1).hears_error(kCutOff);
    s.client(1).hears_close();
    s.finishes();
  });
}

TEST_CASE("a command to several servers that is cut off gets one error") {
  play_script([](Script& s) {
    s.start(2);
    s.client().says(command({"mget", s.key(0), s.key(1)}));
    s.backend(0).hears(command({"mget", s.key(0)}));
    s.backend(0).says("*1\r\n$1\r\na\r\n");
    s.advance(50);
    s.drain();
    s.advance(50);
    s.cut_off();
    s.client().hears_error(kCutOff);
    s.client().hears_close();
    s.finishes();
  });
}

TEST_CASE("a client that does not read its replies does not hold up the end") {
  play_script([](Script& s) {
    s.start(1);
    const std::string reply = toy::bulk(std::string(300'000, 'x'));
    s.client(0).says(get("big"));
    s.client(0).stops_reading();
    s.backend().hears(get("big"));
    s.backend().says(reply);
    s.advance(50);
    s.drain();
    s.advance(1000);
    s.cut_off();
    s.finishes();
  });
}

TEST_CASE("a reply that breaks off at the end of the time ends with its connection") {
  play_script([](Script& s) {
    s.start(1);
    const std::string reply = toy::bulk(std::string(300'000, 'x'));
    const std::string_view half = std::string_view(reply).substr(0, 150'000);
    s.client().says(get("big"));
    s.backend().hears(get("big"));
    s.backend().says(half);
    s.client().hears(half);
    s.drain();
    s.client().hears_nothing();
    s.cut_off();
    s.client().hears_close();
    s.finishes();
  });
}

TEST_CASE("servers that cannot be reached do not hold up the end") {
  play_script([](Script& s) {
    s.pool.preconnect = false;
    s.pool.connect_timeout_ms = 600'000;
    s.pool.timeout_ms = 0;
    s.backend().is_silent();
    s.start(1);
    s.client().says(get("a") + get("b"));
    s.advance(50);
    s.drain();
    s.client().hears_nothing();
    s.cut_off();
    s.client().hears_error(kCutOff);
    s.client().hears_error(kCutOff);
    s.client().hears_close();
    s.finishes();
  });
}

TEST_CASE("a former address does not hold up the end") {
  play_script([](Script& s) {
    s.start(1);
    s.client().says(get("a"));
    s.backend(0).hears(get("a"));
    s.moves(0, 1);
    s.advance(10);
    s.drain();
    s.advance(10);
    s.cut_off();
    s.client().hears_error(kCutOff);
    s.client().hears_close();
    s.finishes();
  });
}

TEST_CASE("a cut off behind a drain that is complete changes nothing") {
  play_script([](Script& s) {
    s.start(1);
    s.client().says(get("a"));
    s.backend().hears(get("a"));
    s.drain();
    s.backend().says("$1\r\na\r\n");
    s.client().hears("$1\r\na\r\n");
    s.cut_off();
    s.client().hears_close();
    s.finishes();
  });
}
