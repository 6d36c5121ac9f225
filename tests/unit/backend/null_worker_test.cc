// The null backend's worker on a perfect network: what it answers, and that it asks for no memory
// once it is warm.
#include "backend/null_worker.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "allocation_count.h"
#include "perfect_ring.h"
#include "ringfold/base/limits.h"

using namespace ringfold;
using backend::BackendOptions;
using backend::NullWorker;

namespace {

constexpr const char* kRedis =
    "*2\r\n$3\r\nGET\r\n$2\r\nk1\r\n*3\r\n$4\r\nMGET\r\n$2\r\nk1\r\n$2\r\nk2\r\n"
    "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nhi\r\n*1\r\n$4\r\nPING\r\n";
// Typed by hand; its parser may allocate.
constexpr const char* kInline = "  get \"k1\"\r\n\r\nPING\n";
constexpr const char* kMemcached =
    "get k1 k2\r\nset k 0 0 2\r\nhi\r\nmg k1 v k\r\nset k 0 0 2 noreply\r\nhi\r\nversion\r\n";

BackendOptions options_for(Protocol protocol, const std::string& service_time = "") {
  BackendOptions options;
  options.protocol = protocol;
  options.sizes = load::Sizes::parse("100").value();
  if (!service_time.empty()) {
    options.service_time = backend::ServiceTime::parse(service_time).value();
  }
  return options;
}

struct World {
  explicit World(const BackendOptions& options_in, u32 client_count = 10)
      : options(options_in),
        values(options.sizes, 1),
        store(values, 1),
        worker(options, store, ring, 0) {
    const Address address = *resolve_address("127.0.0.1", 1);
    REQUIRE(worker.listen(std::array{SharedListener{address}}).has_value());
    for (u32 i = 0; i < client_count; ++i) clients.push_back(ring.connect_client());
    worker.tick();
    REQUIRE(worker.connections_open() == client_count);
    say(options.protocol == Protocol::redis ? kRedis : kMemcached);
  }

  // What each client says in a round.
  void say(const std::string& bytes_in) {
    requests = bytes_in;
    size = requests.size();
    requests.append(kReadablePadding, '\0');
  }

  std::string_view bytes() const { return {requests.data(), size}; }
  void round(u32 ticks = 2) {
    for (const int fd : clients) ring.deliver(fd, bytes());
    for (u32 i = 0; i < ticks; ++i) worker.tick();
  }

  BackendOptions options;
  load::Values values;
  backend::Store store;
  perfect::PerfectRing ring;
  NullWorker worker;
  std::vector<int> clients;
  std::string requests;
  std::size_t size = 0;
};

}  // namespace

TEST_CASE("a null worker that is warm allocates nothing") {
  for (const Protocol protocol : {Protocol::redis, Protocol::memcached}) {
    // The perfect ring's clock goes on by a microsecond a tick.
    for (const std::string service_time : {"", "2us", "exp:3us"}) {
      CAPTURE(service_time);
      World world(options_for(protocol, service_time));
      // Replies that wait pile up at random; now and then more of them than ever before.
      for (int i = 0; i < 2000; ++i) world.round(20);
      const u64 before = perfect::allocation_count();
      for (int i = 0; i < 200; ++i) world.round(20);
      CHECK(perfect::allocation_count() == before);
    }
  }
}

TEST_CASE("replies are the same bytes wherever the stream is cut") {
  for (const Protocol protocol : {Protocol::redis, Protocol::memcached}) {
    const std::string stream = protocol == Protocol::redis
                                   ? std::string(kRedis).append(kInline).append(kRedis)
                                   : kMemcached;
    World whole(options_for(protocol), 1);
    whole.say(stream);
    whole.ring.set_recording(true);
    whole.round();
    const std::string expected = whole.ring.recorded(whole.clients[0]);
    REQUIRE(expected.size() > 300);
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
      CAPTURE(cut);
      World world(options_for(protocol), 1);
      world.ring.set_recording(true);
      const std::string first = stream.substr(0, cut).append(kReadablePadding, '\0');
      const std::string second = stream.substr(cut).append(kReadablePadding, '\0');
      world.ring.deliver(world.clients[0], {first.data(), cut});
      world.worker.tick();
      world.ring.deliver(world.clients[0], {second.data(), stream.size() - cut});
      world.worker.tick();
      world.worker.tick();
      CHECK(world.ring.recorded(world.clients[0]) == expected);
    }
  }
}

TEST_CASE("a reply leaves when it is due and not before") {
  World world(options_for(Protocol::redis, "10us"), 1);
  world.ring.deliver(world.clients[0], world.bytes());
  world.worker.tick();
  for (int i = 0; i < 9; ++i) {
    world.worker.tick();
    CHECK(world.ring.bytes_sent(world.clients[0]) == 0);
  }
  world.worker.tick();
  CHECK(world.ring.bytes_sent(world.clients[0]) > 300);
}

TEST_CASE("under a rate cap replies leave one after the other") {
  BackendOptions options = options_for(Protocol::redis);
  options.rate_cap = 250'000;  // one in four ticks
  World world(options, 1);
  world.ring.deliver(world.clients[0], world.bytes());
  world.worker.tick();
  u64 sent = world.ring.bytes_sent(world.clients[0]);
  u32 sends = sent > 0 ? 1 : 0;
  CHECK(sends == 1);  // the first need not wait
  for (int i = 0; i < 12; ++i) {
    world.worker.tick();
    if (world.ring.bytes_sent(world.clients[0]) == sent) continue;
    sent = world.ring.bytes_sent(world.clients[0]);
    ++sends;
    CHECK(i % 4 == 3);
  }
  CHECK(sends == 4);
}
