// Scripts: memcached servers and clients that die, stall or leave cost nobody but themselves, and
// what a failed server holds is never taken for a miss.
#include <doctest/doctest.h>

#include "script_memcached.h"

using namespace ringfold;
using namespace ringfold::sim;
using namespace ringfold::sim::memcached_script;

namespace {

// Asks both servers for a key each; the second one breaks.
void break_second(Script& s) {
  start(s, 2);
  const std::string a = s.key(0), b = s.key(1);
  s.client().says("get " + b + " " + a + "\r\n");
  s.backend(0).hears(get(a));
  s.backend(1).hears(get(b));
  s.backend(1).says("VALUE " + b + " 0 10\r\nhalf");
  s.backend(1).resets();
  s.backend(0).says(value(a, "1") + "END\r\n");
}

}  // namespace

TEST_CASE("a get of several keys says which server failed, behind the values of the others") {
  play_script([](Script& s) {
    break_second(s);
    s.client().hears(value(s.key(0), "1"));
    s.client().hears_error("\"s1\"");
    s.client().says(get(s.key(1)));
    s.backend(1).hears(get(s.key(1)));
    s.backend(1).says("END\r\n");
    s.client().hears("END\r\n");
  });
}

TEST_CASE("with miss_on_error the keys of a failed server look like misses") {
  play_script([](Script& s) {
    s.pool.miss_on_error = true;
    break_second(s);
    s.client().hears(value(s.key(0), "1") + "END\r\n");
    // A get of one key has nothing to be merged: its failure is said.
    s.client().says(get(s.key(1)));
    s.backend(1).hears(get(s.key(1)));
    s.backend(1).closes();
    s.client().hears_error("\"s1\"");
  });
}

TEST_CASE("an error in the middle of a server's values ends the merged answer") {
  play_script([](Script& s) {
    start(s, 2);
    const std::string a = s.key(0), b = s.key(1), c = s.key(0, 1);
    s.client().says("get " + a + " " + b + " " + c + "\r\n" + get(a));
    s.backend(0).hears("get " + a + " " + c + "\r\n" + get(a));
    s.backend(1).hears(get(b));
    s.backend(0).says(value(a, "1") + "SERVER_ERROR out of memory writing get response\r\nEND\r\n");
    s.client().hears_nothing();
    s.backend(1).says(value(b, "2") + "END\r\n");
    s.client().hears(value(a, "1") + value(b, "2") +
                     "SERVER_ERROR out of memory writing get response\r\nEND\r\n");
  });
}

TEST_CASE("a server that ends inside a small answer costs an error, not the client") {
  play_script([](Script& s) {
    start(s, 1);
    s.client().says("mg k v\r\nset k 0 0 1 noreply\r\n1\r\nmn\r\n");
    s.backend().hears("mg k v\r\nset k 0 0 1\r\n1\r\n");
    s.backend().says("VA 10\r\nhalf");
    s.backend().closes();
    // Of a noreply that failed nobody hears.
    s.client().hears_error("\"s0\"");
    s.client().hears("MN\r\n");
    s.client().says("mg k v\r\n");
    s.backend().hears("mg k v\r\n");
    s.backend().says("VA 4\r\nfull\r\n");
    s.client().hears("VA 4\r\nfull\r\n");
  });
}

TEST_CASE("a quiet request that failed is no miss: its error is seen") {
  play_script([](Script& s) {
    start(s, 1);
    s.client().says("mg k v q\r\nmd k q\r\nmn\r\n");
    s.backend().hears("mg k v\r\nmd k\r\n");
    s.backend().resets();
    s.client().hears_error("\"s0\"");
    s.client().hears_error("\"s0\"");
    s.client().hears("MN\r\n");
  });
}

TEST_CASE("a server that ends inside a value being passed on takes the client's connection along") {
  play_script([](Script& s) {
    start(s, 1);
    const std::string reply = value("k", std::string(200'000, 'x')) + "END\r\n";
    s.client().says(get("k"));
    s.backend().hears(get("k"));
    s.backend().says(std::string_view(reply).substr(0, 100'000));
    s.client().hears(std::string_view(reply).substr(0, 100'000));
    s.backend().resets();
    s.client().hears_close();
    s.client(1).says(get("k"));
    s.backend().hears(get("k"));
    s.backend().says("END\r\n");
    s.client(1).hears("END\r\n");
  });
}

TEST_CASE("a request past its time gets an error, and its late answer confuses nobody") {
  play_script([](Script& s) {
    s.pool.timeout_ms = 300;
    start(s, 1);
    s.client(0).says(get("slow") + "set k 0 0 1 noreply\r\n1\r\n");
    s.backend().hears(get("slow") + "set k 0 0 1\r\n1\r\n");
    s.client(0).hears_nothing();
    s.client(0).hears_error("\"s0\" timed out");
    s.client(0).says("mg next\r\n");
    s.backend().hears("mg next\r\n");
    s.client(1).says("incr other 1\r\n");
    s.backend().hears("incr other 1\r\n");
    s.backend().says(value("slow", "late\r\nEND") + "END\r\n");
    s.client(0).hears_nothing();
    s.backend().says("STORED\r\nEN\r\n8\r\n");
    s.client(0).hears("EN\r\n");
    s.client(1).hears("8\r\n");
    s.client(0).hears_nothing();
    s.backend().is_connected(1);
  });
}

TEST_CASE("a server that answers another question loses its connection") {
  play_script([](Script& s) {
    start(s, 1);
    s.client().says(get("k") + "mg k\r\n");
    s.backend().hears(get("k") + "mg k\r\n");
    s.backend().says("STORED\r\n");
    s.client().hears_error("\"s0\"");
    s.client().hears_error("\"s0\"");
    s.backend().hears_close();
    s.client().says("incr k 1\r\n");
    s.backend().hears("incr k 1\r\n");
    s.backend().says("5\r\n");
    s.client().hears("5\r\n");
  });
}

TEST_CASE("a client that resets with quiet requests in flight disturbs nobody") {
  play_script([](Script& s) {
    start(s, 1);
    s.client(0).says("set a 0 0 1 noreply\r\n1\r\nmg b q\r\nget c\r\n");
    s.backend().hears("set a 0 0 1\r\n1\r\nmg b\r\nget c\r\n");
    s.client(1).says("md d\r\n");
    s.backend().hears("md d\r\n");
    s.client(0).resets();
    s.advance(20);
    s.backend().says("STORED\r\nEN\r\n" + value("c", "x") + "END\r\nHD\r\n");
    s.client(1).hears("HD\r\n");
    s.backend().is_connected(1);
  });
}

TEST_CASE("a client that is closed for its output between two of its answers harms nobody") {
  play_script([](Script& s) {
    s.pool.client_output_limit = 512;
    start(s, 1);
    s.client(0).says(get("big") + "mg miss q\r\n" + get("k"));
    s.backend().hears(get("big") + "mg miss\r\n" + get("k"));
    s.client(1).says(get("k"));
    s.backend().hears(get("k"));
    // Whether the first client is closed or gets an error depends on the pieces in which this
    // arrives: where it comes whole, the answer behind the hidden one finds the client closed.
    s.backend().says(value("big", std::string(600, 'x')) + "END\r\nEN\r\nEND\r\nEND\r\n");
    s.client(1).hears("END\r\n");
    s.backend().is_connected(1);
  });
}

TEST_CASE("a half-closed client still gets its answers, then the end") {
  play_script([](Script& s) {
    start(s, 2);
    s.client().says(get(s.key(0)) + "mg " + s.key(1) + " q\r\n");
    s.client().half_closes();
    s.backend(0).hears(get(s.key(0)));
    s.backend(1).hears("mg " + s.key(1) + "\r\n");
    s.backend(0).says("END\r\n");
    s.client().hears("END\r\n");
    s.backend(1).says("EN\r\n");
    s.client().hears_close();
  });
}

TEST_CASE("the binary protocol is refused behind what came before, then the connection ends") {
  play_script([](Script& s) {
    start(s, 1);
    s.client(1).connects();
    s.client(0).says(get("k") + std::string("\x80\x00\x00\x01\x00\x00\x00\x00", 8));
    s.backend().hears(get("k"));
    s.backend().says("END\r\n");
    s.client(0).hears("END\r\n");
    s.client(0).hears_line("CLIENT_ERROR ringfold: ", "binary protocol");
    s.client(0).hears_close();
    s.client(1).says(get("k"));
    s.backend().hears(get("k"));
    s.backend().says("END\r\n");
    s.client(1).hears("END\r\n");
  });
}

TEST_CASE("a drain lets quiet requests in flight finish, then nothing is left") {
  play_script([](Script& s) {
    start(s, 1);
    s.client().says("set k 0 0 1 noreply\r\n1\r\nmg k q v\r\n");
    s.backend().hears("set k 0 0 1\r\n1\r\nmg k v\r\n");
    s.drain();
    s.advance(20);
    s.backend().says("STORED\r\nVA 1\r\n1\r\n");
    s.client().hears("VA 1\r\n1\r\n");
    s.client().hears_close();
    s.finishes();
  });
}
