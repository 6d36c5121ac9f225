// What the parsers of the memcached protocol cost. One iteration parses a buffer of pipelined
// copies, as a busy connection delivers them; the time that counts is the one per item.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "ringfold/proto/memcached.h"

namespace {

using namespace ringfold;

constexpr std::size_t kPadding = 64;

// Copies of all units in turn with readable padding behind them.
std::string stream_of(const std::vector<std::string>& units) {
  const std::size_t count = units.size() < 64 ? 64 : units.size();
  std::string stream;
  for (std::size_t i = 0; i < count; ++i) stream += units[i % units.size()];
  stream.append(kPadding, '\0');
  return stream;
}

void count_items(benchmark::State& state, i64 items) {
  state.SetItemsProcessed(items);
  state.counters["per_item"] = benchmark::Counter(
      static_cast<double>(items), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template <class Use>
void parse_all(benchmark::State& state, const std::vector<std::string>& units, Use use) {
  const std::string stream = stream_of(units);
  const std::string_view all(stream.data(), stream.size() - kPadding);
  i64 requests = 0;
  for (auto _ : state) {
    for (std::string_view left = all; !left.empty();) {
      RequestFrame frame;
      const memcached::CommandRow* row = nullptr;
      const ParseStatus status = memcached::parse_request(left, 1_GiB, frame, row);
      if (status != ParseStatus::complete || frame.error != nullptr) std::abort();
      use(*row, left, frame);
      benchmark::DoNotOptimize(frame);
      left.remove_prefix(frame.offset);
      ++requests;
    }
  }
  count_items(state, requests);
}

void parse_requests(benchmark::State& state, const std::vector<std::string>& units) {
  parse_all(state, units, [](const auto&, std::string_view, const RequestFrame&) {});
}

void forward_requests(benchmark::State& state, const std::vector<std::string>& units) {
  std::string out;
  parse_all(state, units, [&out](const auto& row, std::string_view in, const RequestFrame& frame) {
    char scratch[256];
    memcached::Quiet quiet = memcached::Quiet::none;
    out.clear();
    benchmark::DoNotOptimize(memcached::routing_key(row, in, frame, scratch));
    memcached::encode_forward(out, row, in, frame, quiet);
    benchmark::DoNotOptimize(out.data());
  });
}

void parse_replies(benchmark::State& state, memcached::ReplyShape shape,
                   const std::vector<std::string>& units) {
  const std::string stream = stream_of(units);
  const std::string_view all(stream.data(), stream.size() - kPadding);
  i64 replies = 0;
  for (auto _ : state) {
    for (std::string_view left = all; !left.empty();) {
      memcached::ReplyFrame frame;
      std::size_t consumed = 0;
      if (memcached::parse_reply(left, shape, frame, consumed) != ParseStatus::complete) {
        std::abort();
      }
      benchmark::DoNotOptimize(frame);
      left.remove_prefix(consumed);
      ++replies;
    }
  }
  count_items(state, replies);
}

std::string key(std::size_t length) {
  return std::string(length, 'k');
}

std::string get_100() {
  std::string line = "get";
  for (int i = 0; i < 100; ++i) line.append(1, ' ').append(key(12));
  return line + "\r\n";
}

// Keys of 5 to 20 bytes in no regular order, so that the branch predictor cannot know them.
std::vector<std::string> mixed_gets() {
  std::vector<std::string> units;
  u32 seed = 1;
  for (int i = 0; i < 2048; ++i) {
    seed = seed * 1664525u + 1013904223u;
    units.push_back("get " + key(5 + (seed >> 24) % 16) + "\r\n");
  }
  return units;
}

std::string set_32() {
  return "set " + key(12) + " 0 0 32\r\n" + std::string(32, 'v') + "\r\n";
}

std::string value_block(std::size_t length) {
  return "VALUE " + key(12) + " 0 " + std::to_string(length) + "\r\n" + std::string(length, 'v') +
         "\r\n";
}

std::string values_100() {
  std::string reply;
  for (int i = 0; i < 100; ++i) reply += value_block(32);
  return reply + "END\r\n";
}

using enum memcached::ReplyShape;

BENCHMARK_CAPTURE(parse_requests, get, {"get " + key(12) + "\r\n"});
BENCHMARK_CAPTURE(parse_requests, get_mixed_keys, mixed_gets());
BENCHMARK_CAPTURE(parse_requests, get_100, {get_100()});
BENCHMARK_CAPTURE(parse_requests, set_32, {set_32()});
BENCHMARK_CAPTURE(parse_requests, mg, {"mg " + key(12) + " v t c q\r\n"});
BENCHMARK_CAPTURE(forward_requests, get, {"get " + key(12) + "\r\n"});
BENCHMARK_CAPTURE(forward_requests, set_32, {set_32()});
BENCHMARK_CAPTURE(forward_requests, mg, {"mg " + key(12) + " v t c q\r\n"});
BENCHMARK_CAPTURE(parse_replies, stored, line, {"STORED\r\n"});
BENCHMARK_CAPTURE(parse_replies, number, line, {"1000\r\n"});
BENCHMARK_CAPTURE(parse_replies, miss, values, {"END\r\n"});
BENCHMARK_CAPTURE(parse_replies, value_32, values, {value_block(32) + "END\r\n"});
BENCHMARK_CAPTURE(parse_replies, value_1KiB, values, {value_block(1024) + "END\r\n"});
BENCHMARK_CAPTURE(parse_replies, values_100, values, {values_100()});
BENCHMARK_CAPTURE(parse_replies, hd, meta, {"HD\r\n"});
BENCHMARK_CAPTURE(parse_replies, va_32, meta, {"VA 32 c1\r\n" + std::string(32, 'v') + "\r\n"});

}  // namespace

BENCHMARK_MAIN();
