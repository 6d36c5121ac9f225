// What the parsers of RESP cost. One iteration parses a buffer of pipelined copies, as a busy
// connection delivers them; the time that counts is the one per item.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "ringfold/proto/resp.h"

namespace {

using namespace ringfold;

constexpr std::size_t kPadding = 64;

std::string request(const std::vector<std::string>& arguments) {
  std::string out;
  resp::encode_number_line(out, '*', static_cast<i64>(arguments.size()));
  for (const std::string& argument : arguments) resp::encode_bulk(out, argument);
  return out;
}

// Copies of all units in turn, 64 or one of each, with readable padding behind them.
std::string stream_of(const std::vector<std::string>& units) {
  const std::size_t count = std::max<std::size_t>(64, units.size());
  std::string stream;
  for (std::size_t i = 0; i < count; ++i) stream += units[i % units.size()];
  stream.append(kPadding, '\0');
  return stream;
}

void parse_requests(benchmark::State& state, const std::vector<std::string>& units) {
  const std::string stream = stream_of(units);
  const std::string_view all(stream.data(), stream.size() - kPadding);
  i64 requests = 0;
  for (auto _ : state) {
    for (std::string_view left = all; !left.empty();) {
      RequestFrame frame;
      if (resp::parse_request(left, 1_GiB, frame) != ParseStatus::complete) std::abort();
      benchmark::DoNotOptimize(frame);
      left.remove_prefix(frame.offset);
      ++requests;
    }
  }
  state.SetItemsProcessed(requests);
  state.counters["per_item"] = benchmark::Counter(
      static_cast<double>(requests), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void parse_replies(benchmark::State& state, const std::vector<std::string>& units) {
  const std::string stream = stream_of(units);
  const std::string_view all(stream.data(), stream.size() - kPadding);
  i64 replies = 0;
  for (auto _ : state) {
    for (std::string_view left = all; !left.empty();) {
      resp::ReplyFrame frame;
      std::size_t consumed = 0;
      if (resp::parse_reply(left, frame, consumed) != ParseStatus::complete) std::abort();
      benchmark::DoNotOptimize(frame);
      left.remove_prefix(consumed);
      ++replies;
    }
  }
  state.SetItemsProcessed(replies);
  state.counters["per_item"] = benchmark::Counter(
      static_cast<double>(replies), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

std::string key(std::size_t length) {
  return std::string(length, 'k');
}

std::string bulk(std::size_t length) {
  std::string out;
  resp::encode_bulk(out, std::string(length, 'v'));
  return out;
}

// 100 keys of 12 bytes.
std::string mget() {
  std::vector<std::string> arguments(101, key(12));
  arguments[0] = "MGET";
  return request(arguments);
}

std::string array_of_100() {
  std::string out;
  resp::encode_number_line(out, '*', 100);
  for (int i = 0; i < 100; ++i) out += bulk(32);
  return out;
}

// Keys of 5 to 20 bytes in no regular order, so that the branch predictor cannot know the digits.
std::vector<std::string> mixed_gets() {
  std::vector<std::string> units;
  u32 seed = 1;
  for (int i = 0; i < 2048; ++i) {
    seed = seed * 1664525u + 1013904223u;
    units.push_back(request({"GET", key(5 + (seed >> 24) % 16)}));
  }
  return units;
}

BENCHMARK_CAPTURE(parse_requests, get_key, {request({"GET", key(12)})});
BENCHMARK_CAPTURE(parse_requests, get_mixed_keys, mixed_gets());
BENCHMARK_CAPTURE(parse_requests, set_32, {request({"SET", key(12), std::string(32, 'v')})});
BENCHMARK_CAPTURE(parse_requests, set_1KiB, {request({"SET", key(12), std::string(1024, 'v')})});
BENCHMARK_CAPTURE(parse_requests, mget_100, {mget()});
BENCHMARK_CAPTURE(parse_replies, bulk_32, {bulk(32)});
BENCHMARK_CAPTURE(parse_replies, bulk_1KiB, {bulk(1024)});
BENCHMARK_CAPTURE(parse_replies, bulk_null, {"$-1\r\n"});
BENCHMARK_CAPTURE(parse_replies, ok, {"+OK\r\n"});
BENCHMARK_CAPTURE(parse_replies, integer, {":1000\r\n"});
BENCHMARK_CAPTURE(parse_replies, error, {"-ERR unknown command 'nonsense'\r\n"});
BENCHMARK_CAPTURE(parse_replies, array_100_bulk_32, {array_of_100()});

}  // namespace

BENCHMARK_MAIN();
