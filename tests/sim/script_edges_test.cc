// Scripts: what the edges of buffers and completions do to the worker above the ring. The dice of
// the ring's contract fall in every one of them (short sends, receives without a buffer, late and
// merged completions); here stand the cases that need a certain piece at a certain time.
#include <doctest/doctest.h>

#include "script.h"

using namespace ringfold;
using namespace ringfold::sim;

TEST_CASE("the end of a value that is passed on is not taken for a hidden answer") {
  play_script([](Script& s) {
    s.pool.protocol = Protocol::memcached;
    s.start(1);
    const std::string begin = "VA 100004\r\n" + std::string(100'000, 'x');
    s.client().says("mg k v q\r\nmn\r\n");
    s.backend().hears("mg k v\r\n");
    s.backend().says(begin);
    s.client().hears(begin);
    // To a quiet mg, "EN" would be a miss that nobody sees.
    s.backend().says("EN\r\n\r\n");
    s.client().hears("EN\r\n\r\nMN\r\n");
  });
}
