// What RINGFOLD_TEST_RING may say, and what a mistake in it is told.
#include "app/test_ring.h"

#include <doctest/doctest.h>

#include <string>

using namespace ringfold;

namespace {

IoChoice full_choice() {
  IoChoice choice;
  choice.offer.uring.available = true;
  choice.offer.uring.defer_taskrun = true;
  choice.offer.uring.multishot_recv = true;
  choice.offer.uring.incremental_buffers = true;
  choice.offer.uring.send_skip_success = true;
  choice.offer.uring.send_vectorized = true;
  choice.offer.uring.no_iowait = true;
  choice.offer.uring.registered_ring = true;
  return choice;
}

void check_refused(std::string_view value, std::string_view reason) {
  CAPTURE(value);
  IoChoice choice = full_choice();
  const auto applied = apply_test_ring(value, choice);
  REQUIRE_FALSE(applied.has_value());
  CHECK(applied.error().text.starts_with("RINGFOLD_TEST_RING: "));
  CHECK_MESSAGE(applied.error().text.find(reason) != std::string::npos, applied.error().text);
}

}  // namespace

TEST_CASE("sizes are set, and what is not named stays as it is") {
  IoChoice choice = full_choice();
  REQUIRE(apply_test_ring("sq=4,cq=8,buffers=2,buffer_bytes=256", choice));
  CHECK(choice.ring.submission_entries == 4);
  CHECK(choice.ring.completion_entries == 8);
  CHECK(choice.ring.buffer_count == 2);
  CHECK(choice.ring.buffer_size == 256);
  CHECK(choice.ring.classic_buffer_count == 2);
  CHECK(choice.ring.classic_buffer_size == 256);
  CHECK(choice.ring.send_buffer_bytes == 0);
  REQUIRE(apply_test_ring("send_buffer_bytes=4608", choice));
  CHECK(choice.ring.send_buffer_bytes == 4608);
  CHECK(choice.ring.buffer_size == 256);
  CHECK(choice.offer.uring.incremental_buffers);
}

TEST_CASE("features are taken away, one or several") {
  IoChoice choice = full_choice();
  REQUIRE(apply_test_ring("without=incremental_buffers", choice));
  CHECK_FALSE(choice.offer.uring.incremental_buffers);
  CHECK(choice.offer.uring.send_skip_success);
  const RingOptions usual;
  CHECK(choice.ring.submission_entries == usual.submission_entries);
  CHECK(choice.ring.classic_buffer_count == usual.classic_buffer_count);
  CHECK(choice.ring.classic_buffer_size == usual.classic_buffer_size);
  REQUIRE(apply_test_ring(
      "without=silent_sends+vectorized_send+defer_taskrun+no_iowait+registered_ring", choice));
  CHECK_FALSE(choice.offer.uring.send_skip_success);
  CHECK_FALSE(choice.offer.uring.send_vectorized);
  CHECK_FALSE(choice.offer.uring.defer_taskrun);
  CHECK_FALSE(choice.offer.uring.no_iowait);
  CHECK_FALSE(choice.offer.uring.registered_ring);
  CHECK(choice.offer.uring.multishot_recv);
}

TEST_CASE("a mistake is told with what would be right") {
  check_refused("", "empty");
  check_refused("sq", "from 1 to 32768");
  check_refused("sq=", "from 1 to 32768");
  check_refused("sq=4x", "not \"4x\"");
  check_refused("sq=-4", "not \"-4\"");
  check_refused("sq=0", "not \"0\"");
  check_refused("sq=32769", "from 1 to 32768");
  check_refused("sq=99999999999", "from 1 to 32768");
  check_refused("sq=4,,cq=8", "\"\" is not one of sq, cq, buffers, buffer_bytes");
  check_refused("SQ=4", "\"SQ\" is not one of");
  check_refused("buffers=3", "power of two");
  check_refused("sq=16,cq=8", "cq must not be smaller than sq");
  check_refused("without=", "names no feature");
  check_refused("without=multishot", "\"multishot\" is not a feature to do without: defer_taskrun");
  check_refused("without=no_iowait+", "\"\" is not a feature");
}
