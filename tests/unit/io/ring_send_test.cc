// Sending through the real kernel: whole, short, blocked, broken, and more than a queue holds.
#include "ring_fixture.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

// Sends bytes in pieces until all are with the kernel, while the peer reads slowly, as a caller of
// Ring does it: what was not taken is sent again.
class Delivery {
 public:
  Delivery(TestRing& ring, const Pair& pair, std::string_view bytes, std::size_t piece)
      : ring_(ring), pair_(pair), bytes_(bytes), piece_(piece) {}

  void run() {
    send_rest();
    while (received_.size() < bytes_.size()) {
      Completion completion;
      if (ring_.next_if_any(completion)) {
        on_sent(completion);
        continue;
      }
      received_ += pair_.peer.read_some(100'000);
    }
    CHECK(sent_ == bytes_.size());
    CHECK((received_ == bytes_));
  }
  u32 sends() const { return sends_; }
  u32 short_sends() const { return short_sends_; }

 private:
  void send_rest() {
    std::vector<iovec> vectors;
    asked_ = 0;
    for (std::size_t at = sent_; at < bytes_.size() && vectors.size() < 64; at += piece_) {
      const std::size_t size = std::min(piece_, bytes_.size() - at);
      vectors.push_back({const_cast<char*>(bytes_.data() + at), size});
      asked_ += size;
    }
    ring_->send(pair_.ours.get(), vectors, send_of(1));
    // The array is the ring's matter from here on.
    for (iovec& vector : vectors) vector = {};
    ++sends_;
  }
  void on_sent(const Completion& completion) {
    REQUIRE(completion.user_data.value() == send_of(1).value());
    CHECK_FALSE(completion.more);
    REQUIRE_MESSAGE(completion.result > 0, completion.result);
    REQUIRE(static_cast<std::size_t>(completion.result) <= asked_);
    short_sends_ += static_cast<std::size_t>(completion.result) < asked_;
    sent_ += static_cast<std::size_t>(completion.result);
    if (sent_ < bytes_.size()) send_rest();
  }

  TestRing& ring_;
  const Pair& pair_;
  std::string_view bytes_;
  std::size_t piece_;
  std::string received_;
  std::size_t sent_ = 0;
  std::size_t asked_ = 0;
  u32 sends_ = 0;
  u32 short_sends_ = 0;
};

// Fills the way to the peer from outside the ring; returns the bytes that went in.
std::size_t fill(const Pair& pair) {
  const std::string bytes(64 * 1024, 'f');
  std::size_t total = 0;
  for (;;) {
    const ssize_t size =
        ::send(pair.ours.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0) {
      REQUIRE(errno == EAGAIN);
      return total;
    }
    total += static_cast<std::size_t>(size);
  }
}

std::string read_all(const Pair& pair, std::size_t count) {
  std::string bytes;
  while (bytes.size() < count) bytes += pair.peer.read_some(count - bytes.size());
  return bytes;
}

}  // namespace

TEST_CASE("8 MB reach a slow peer byte for byte, in one vector and in many, in every mode") {
  Prng prng(1);
  const std::string bytes = random_bytes(prng, 8'000'000);
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    for (const std::size_t piece : {bytes.size(), std::size_t{200'000}, std::size_t{4099}}) {
      CAPTURE(piece);
      for (const bool over_tcp : {true, false}) {
        CAPTURE(over_tcp);
        TestRing ring(mode);
        const Pair pair = over_tcp ? tcp_pair() : unix_pair();
        Delivery delivery(ring, pair, bytes, piece);
        delivery.run();
        // Under the skip rule the first attempt at everything cannot have fitted.
        if (mode.tells_short_sends() && piece == bytes.size()) {
          CHECK(delivery.short_sends() > 0);
        }
      }
    }
  }
}

TEST_CASE("a send that finds its socket full waits in the kernel and then delivers everything") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    for (const std::size_t vector_count : {std::size_t{1}, std::size_t{3}}) {
      CAPTURE(vector_count);
      TestRing ring(mode);
      // Full until the peer reads, which TCP is not: what is under way there may still move.
      const Pair pair = unix_pair();
      const std::size_t filled = fill(pair);
      const std::string text = "after the flood";
      std::vector<iovec> vectors;
      for (std::size_t i = 0; i < vector_count; ++i) {
        vectors.push_back({const_cast<char*>(text.data()) + 5 * i,
                           i + 1 == vector_count ? text.size() - 5 * i : std::size_t{5}});
      }
      ring->send(pair.ours.get(), vectors, send_of(3));
      vectors.assign(vectors.size(), iovec{});
      CHECK(ring.quiet());
      CHECK(ring.quiet());
      CHECK((read_all(pair, filled) == std::string(filled, 'f')));
      const Completion completion = ring.next();
      CHECK(completion.user_data.value() == send_of(3).value());
      CHECK(completion.result == static_cast<i32>(text.size()));
      CHECK(pair.peer.read(text.size()) == text);
      CHECK(ring.quiet());
    }
  }
}

TEST_CASE("a send to a peer that is gone brings the error, each time, and no signal") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    Pair pair = tcp_pair();
    pair.peer.reset_hard();
    pollfd reset{pair.ours.get(), POLLRDHUP, 0};
    REQUIRE(::poll(&reset, 1, -1) == 1);
    ring.send(pair.ours.get(), "one", send_of(1));
    const Completion first = ring.next();
    CHECK((first.result == -ECONNRESET || first.result == -EPIPE));
    ring.send(pair.ours.get(), "two", send_of(2));
    const Completion second = ring.next();
    CHECK(second.user_data.value() == send_of(2).value());
    CHECK(second.result == -EPIPE);
  }
}

TEST_CASE("sends that are complete come before the receives of the same wait") {
  for (const Mode& mode : both_rings()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    const Pair pair = unix_pair();
    const Pair other = unix_pair();
    ring->recv(pair.ours.get(), recv_of(1));
    REQUIRE(ring.quiet());
    pair.peer.write("in");
    ring.send(other.ours.get(), "out", send_of(2));
    ring.send(pair.ours.get(), "back", send_of(3));
    const std::span<const Completion> completions = ring->wait(0);
    REQUIRE(completions.size() == 3);
    CHECK(completions[0].user_data.value() == send_of(2).value());
    CHECK(completions[0].result == 3);
    CHECK(completions[1].user_data.value() == send_of(3).value());
    CHECK(completions[1].result == 4);
    CHECK(completions[2].user_data.value() == recv_of(1).value());
    ring.release(completions[2]);
    ring.stop(recv_of(1));
  }
}

TEST_CASE("a complete send alone does not end a wait, but comes at its end") {
  for (const Mode& mode : both_rings()) {
    CAPTURE(mode.name);
    TestRing ring(mode);
    const Pair pair = tcp_pair();
    ring.send(pair.ours.get(), "out", send_of(2));
    const Nanos deadline = ring->now() + 30 * kMillisecond;
    const std::span<const Completion> completions = ring->wait(deadline);
    CHECK(ring->now() >= deadline);
    REQUIRE(completions.size() == 1);
    CHECK(completions[0].result == 3);
    CHECK(pair.peer.read(3) == "out");
  }
}

TEST_CASE("more sends in one tick than the queue holds, among them blocked and broken ones") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    RingOptions options = TestRing::small_options();
    options.submission_entries = 8;
    options.completion_entries = 16;
    TestRing ring(mode, options);
    constexpr u32 kSockets = 100;
    std::vector<Pair> pairs;
    std::vector<std::size_t> filled(kSockets, 0);
    for (u32 slot = 0; slot < kSockets; ++slot) {
      pairs.push_back(unix_pair());
      if (slot % 10 == 3) filled[slot] = fill(pairs[slot]);
      if (slot % 10 == 7) pairs[slot].peer.reset();
    }
    for (u32 slot = 0; slot < kSockets; ++slot) {
      ring.send(pairs[slot].ours.get(), std::string_view("hello world").substr(slot % 5),
                send_of(slot));
    }
    std::vector<i32> results(kSockets, 0);
    const auto record = [&results](const Completion& completion) {
      i32& result = results.at(completion.user_data.slot());
      CHECK(result == 0);
      result = completion.result;
    };
    for (u32 i = 0; i < kSockets - 10; ++i) record(ring.next());
    CHECK(ring.quiet());
    for (u32 slot = 3; slot < kSockets; slot += 10) {
      CHECK(results[slot] == 0);
      CHECK(read_all(pairs[slot], filled[slot]).size() == filled[slot]);
    }
    for (u32 i = 0; i < 10; ++i) record(ring.next());
    for (u32 slot = 0; slot < kSockets; ++slot) {
      CAPTURE(slot);
      const std::string text = std::string("hello world").substr(slot % 5);
      if (slot % 10 == 7) {
        CHECK(results[slot] == -EPIPE);
        continue;
      }
      CHECK(results[slot] == static_cast<i32>(text.size()));
      CHECK(pairs[slot].peer.read_some() == text);
    }
  }
}

TEST_CASE("random sends over many sockets and ticks arrive in order and are told exactly once") {
  for (const Mode& mode : all_modes()) {
    CAPTURE(mode.name);
    RingOptions options = TestRing::small_options();
    options.submission_entries = 16;
    options.completion_entries = 32;
    TestRing ring(mode, options);
    Prng prng(11);
    const std::string source = random_bytes(prng, 2'000'000);
    struct Stream {
      Pair pair;
      std::size_t sent = 0;  // told by completions
      std::size_t received = 0;
      bool in_flight = false;
    };
    std::vector<Stream> streams;
    for (int i = 0; i < 40; ++i) streams.push_back({i % 2 == 0 ? tcp_pair() : unix_pair()});
    const auto unfinished = [&] {
      for (const Stream& stream : streams) {
        if (stream.in_flight || stream.received < source.size()) return true;
      }
      return false;
    };
    for (u64 turn = 0; unfinished(); ++turn) {
      REQUIRE(turn < 100'000);
      for (u32 slot = 0; slot < streams.size(); ++slot) {
        Stream& stream = streams[slot];
        if (!stream.in_flight && stream.sent < source.size() && prng.chance(2, 3)) {
          const std::size_t left = source.size() - stream.sent;
          const std::size_t size = std::min<std::size_t>(left, 1 + prng.below(400'000));
          ring.send(stream.pair.ours.get(), std::string_view(source).substr(stream.sent, size),
                    send_of(slot));
          stream.in_flight = true;
        }
        if (prng.chance(1, 3)) {
          const std::string bytes = stream.pair.peer.read_some(1 + prng.below(300'000));
          REQUIRE(std::string_view(source).substr(stream.received, bytes.size()) == bytes);
          stream.received += bytes.size();
        }
      }
      for (Completion completion; ring.next_if_any(completion);) {
        Stream& stream = streams.at(completion.user_data.slot());
        REQUIRE(stream.in_flight);
        REQUIRE(completion.result > 0);
        stream.in_flight = false;
        stream.sent += static_cast<std::size_t>(completion.result);
      }
    }
  }
}
