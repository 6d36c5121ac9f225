// Scripts: memcached's commands go to the right servers, split, merged, quiet, and in order.
#include <doctest/doctest.h>

#include "script_memcached.h"
#include "toy_memcached_wire.h"

using namespace ringfold;
using namespace ringfold::sim;
using namespace ringfold::sim::memcached_script;

namespace {

std::string found(const std::string& key, const std::string& data) {
  return value(key, data) + "END\r\n";
}

}  // namespace

TEST_CASE("memcached commands go to their server and the answers come back") {
  play_script([](Script& s) {
    start(s, 1);
    struct Exchange {
      const char* asked;
      const char* answered;
    };
    constexpr Exchange kExchanges[] = {
        {"set k 7 0 5\r\na\r\nb \r\n", "STORED\r\n"},
        {"get k\r\n", "VALUE k 7 5\r\na\r\nb \r\nEND\r\n"},
        {"gets k\r\n", "VALUE k 7 5 18446744073709551615\r\na\r\nb \r\nEND\r\n"},
        {"cas k 4294967295 -1 0 18446744073709551615\r\n\r\n", "EXISTS\r\n"},
        {"incr k 5\r\n", "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"},
        {"decr n 5\r\n", "18446744073709551615\r\n"},
        {"touch k 100\r\n", "TOUCHED\r\n"},
        {"delete k\r\n", "NOT_FOUND\r\n"},
        {"gat 10 k j\r\n", "END\r\n"},
        {"ms k 2 F5 T0 c O1\r\nhi\r\n", "HD c7 O1\r\n"},
        {"mg k v f t O2 k\r\n", "VA 2 f5 t-1 O2 kk\r\nhi\r\n"},
        {"ma n N0 J13 v\r\n", "VA 2\r\n13\r\n"},
        {"md k O3\r\n", "NF O3\r\n"},
        {"me k\r\n", "ME k exp=-1 la=0 cas=5 fetch=no cls=1 size=64\r\n"},
    };
    std::string questions, answers;
    for (const Exchange& exchange : kExchanges) {
      questions += exchange.asked;
      answers += exchange.answered;
    }
    s.client().says(questions);
    s.backend().hears(questions);
    s.client().hears_nothing();
    s.backend().says(answers);
    s.client().hears(answers);
    s.client().hears_nothing();
  });
}

TEST_CASE("a get of several keys is split by server and merged in the order of its keys") {
  play_script([](Script& s) {
    start(s, 2);
    const std::string a = s.key(0), b = s.key(1), c = s.key(0, 1), d = s.key(1, 1);
    s.client().says("get " + a + " " + b + " " + c + " " + b + " " + d + "\r\n");
    s.backend(0).hears("get " + a + " " + c + "\r\n");
    s.backend(1).hears("get " + b + " " + b + " " + d + "\r\n");
    s.backend(1).says(value(b, "2") + value(b, "2") + "END\r\n");
    s.client().hears_nothing();
    s.backend(0).says(value(a, "") + value(c, "END\r\nVALUE x 0 1") + "END\r\n");
    s.client().hears(value(a, "") + value(b, "2") + value(c, "END\r\nVALUE x 0 1") + value(b, "2") +
                     "END\r\n");
  });
}

TEST_CASE("gat and gats carry their time to every server, gets its cas") {
  play_script([](Script& s) {
    start(s, 2);
    const std::string a = s.key(0), b = s.key(1);
    s.client().says("gats -1 " + b + " " + a + "\r\n");
    s.backend(0).hears("gats -1 " + a + "\r\n");
    s.backend(1).hears("gats -1 " + b + "\r\n");
    s.backend(0).says("VALUE " + a + " 3 1 77\r\nx\r\nEND\r\n");
    s.backend(1).says("VALUE " + b + " 4 1 78\r\ny\r\nEND\r\n");
    s.client().hears("VALUE " + b + " 4 1 78\r\ny\r\nVALUE " + a + " 3 1 77\r\nx\r\nEND\r\n");
  });
}

TEST_CASE("pipelined answers keep the client's order though servers answer in another") {
  play_script([](Script& s) {
    start(s, 2);
    const std::string a = s.key(0), b = s.key(1);
    s.client().says(get(a) + "incr " + b + " 1\r\nversion\r\nnosuch\r\nmg " + a + "\r\n");
    s.backend(1).hears("incr " + b + " 1\r\n");
    s.backend(1).says("8\r\n");
    s.client().hears_nothing();
    s.backend(0).hears(get(a) + "mg " + a + "\r\n");
    s.backend(0).says(found(a, "v"));
    s.client().hears(found(a, "v") + "8\r\nVERSION 1.6.18\r\nERROR\r\n");
    s.backend(0).says("HD\r\n");
    s.client().hears("HD\r\n");
  });
}

TEST_CASE("a quiet miss is not seen, and mn waits for what stands before it") {
  play_script([](Script& s) {
    start(s, 2);
    const std::string a = s.key(0), b = s.key(1);
    s.client().says("mg " + a + " q v\r\nmg " + b + " v q k\r\nmn\r\n");
    s.backend(0).hears("mg " + a + " v\r\n");
    s.backend(1).hears("mg " + b + " v k\r\n");
    s.backend(1).says("VA 1 k" + b + "\r\nx\r\n");
    s.client().hears_nothing();
    s.backend(0).says("EN\r\n");
    s.client().hears("VA 1 k" + b + "\r\nx\r\nMN\r\n");
    s.client().says("ms " + a + " 1 q\r\n1\r\nmd " + b + " q O5\r\nma " + b + " q v\r\nmn\r\n");
    s.backend(0).hears("ms " + a + " 1\r\n1\r\n");
    s.backend(1).hears("md " + b + " O5\r\nma " + b + " v\r\n");
    s.backend(1).says("NF O5\r\nVA 1\r\n6\r\n");
    s.client().hears_nothing();
    s.backend(0).says("HD\r\n");
    s.client().hears("NF O5\r\nMN\r\n");
  });
}

TEST_CASE("noreply is not sent on, and its answer is not seen") {
  play_script([](Script& s) {
    start(s, 1);
    s.client().says(
        "set k 0 0 1 noreply\r\n1\r\ndelete k 0 noreply\r\nincr k x noreply\r\nget k\r\n");
    s.backend().hears("set k 0 0 1\r\n1\r\ndelete k\r\nget k\r\n");
    s.backend().says("STORED\r\nSERVER_ERROR out of memory\r\n");
    s.client().hears_nothing();
    s.backend().says("END\r\n");
    s.client().hears("END\r\n");
  });
}

TEST_CASE("a key in base64 goes where its plain spelling goes") {
  play_script([](Script& s) {
    start(s, 3);
    for (u32 i = 0; i < 3; ++i) {
      const std::string key = s.key(i);
      const std::string coded = toy::encode_base64(key);
      s.client().says("mg " + coded + " b k v\r\nme " + coded + " b\r\n" + get(key));
      s.backend(i).hears("mg " + coded + " b k v\r\nme " + coded + " b\r\n" + get(key));
      s.backend(i).says("EN k" + coded + " b\r\nEN\r\nEND\r\n");
      s.client().hears("EN k" + coded + " b\r\nEN\r\nEND\r\n");
    }
  });
}

TEST_CASE("flush_all, verbosity and stats go to all servers") {
  play_script([](Script& s) {
    start(s, 2);
    s.client().says("flush_all 5\r\nverbosity 1 noreply\r\nstats\r\nstats reset\r\n");
    for (u32 i = 0; i < 2; ++i) {
      s.backend(i).hears("flush_all 5\r\nverbosity 1\r\nstats\r\nstats reset\r\n");
    }
    s.backend(1).says("OK\r\nOK\r\nSTAT pid 8\r\nSTAT a b c\r\nEND\r\nRESET\r\n");
    s.client().hears_nothing();
    s.backend(0).says("OK\r\nOK\r\nSTAT pid 7\r\nEND\r\nRESET\r\n");
    s.client().hears("OK\r\nSTAT s0:pid 7\r\nSTAT s1:pid 8\r\nSTAT s1:a b c\r\nEND\r\nRESET\r\n");
  });
}

TEST_CASE("a big value goes up whole and comes down as it arrives, others get theirs") {
  play_script([](Script& s) {
    start(s, 1);
    const std::string data(150'000, 'x');
    const std::string set = "set k 0 0 150000\r\n" + data + "\r\n";
    s.client().says(set);
    s.backend().hears(set);
    s.backend().says("STORED\r\n");
    s.client().hears("STORED\r\n");
    s.client().says(get("k") + "mg small\r\n");
    s.backend().hears(get("k") + "mg small\r\n");
    s.client(1).says("mg other\r\n");
    s.backend().hears("mg other\r\n");
    const std::string reply = found("k", data);
    s.backend().says(std::string_view(reply).substr(0, 100'000));
    s.client().hears(std::string_view(reply).substr(0, 90'000));
    s.backend().says(std::string_view(reply).substr(100'000));
    s.backend().says("EN\r\nHD\r\n");
    s.client().hears(std::string_view(reply).substr(90'000));
    s.client().hears("EN\r\n");
    s.client(1).hears("HD\r\n");
  });
}

TEST_CASE("what one client does wrong is answered in its turn and costs nobody else") {
  play_script([](Script& s) {
    start(s, 1);
    s.client().says(
        get("k") + "get " + std::string(251, 'k') +
        "\r\nset k 0 0 x\r\nget a\x01 b\r\nset k 0 0 2\r\nabcd\r\nlru_crawler enable\r\nmg k\r\n");
    s.backend().hears(get("k") + "mg k\r\n");
    s.client().hears_nothing();
    s.backend().says("END\r\n");
    s.client().hears(
        "END\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n"
        "CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad data chunk\r\nERROR\r\n");
    s.client().hears_line("CLIENT_ERROR ringfold: ", "one server alone");
    s.backend().says("HD\r\n");
    s.client().hears("HD\r\n");
  });
}

TEST_CASE("quit ends the connection behind the answers to what stands before it") {
  play_script([](Script& s) {
    start(s, 1);
    s.client().says("set k 0 0 1 noreply\r\n1\r\nget k\r\nquit\r\nget k\r\n");
    s.backend().hears("set k 0 0 1\r\n1\r\nget k\r\n");
    s.backend().says("STORED\r\n");
    s.client().hears_nothing();
    s.backend().says("END\r\n");
    s.client().hears("END\r\n");
    s.client().hears_close();
  });
}
