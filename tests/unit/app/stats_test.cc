// From what workers have counted to what is read of it.
#include <doctest/doctest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "app/metrics.h"
#include "app/stats_json.h"
#include "stats_sample.h"

using namespace ringfold;
using Json = nlohmann::json;

TEST_CASE("numbers of workers are added up") {
  StatsSample sample;
  const StatsView view = sample.registry.gather();
  REQUIRE(view.workers.size() == 2);
  CHECK(view.workers[0].ticks == 10);
  CHECK(view.workers[0].requests == 5);
  CHECK(view.memory.blocks == 2000);
  const PoolView& pool = view.pools[0];
  CHECK(pool.requests[0] == 10);
  CHECK(pool.clients == 6);
  CHECK(pool.latency[0].count() == 8);
  REQUIRE(pool.servers.size() == 2);
  CHECK(pool.servers[0].requests[0] == 10);
  CHECK(pool.servers[0].pending == 2);
  CHECK(pool.servers[0].key_share + pool.servers[1].key_share == doctest::Approx(1));
  CHECK(pool.servers[1].key_share > 0.6);
  CHECK(view.process.open_descriptors > 2);
  CHECK(view.process.descriptors_max >= view.process.open_descriptors);
  CHECK(view.process.resident_bytes > 0);
  CHECK(view.process.cpu_seconds > 0);
}

TEST_CASE("a server is in the worst state that any worker sees") {
  StatsSample sample;
  CHECK(sample.registry.gather().pools[0].servers[0].state == std::string("up"));
  sample.server(1, 0).health.set(2);
  sample.server(1, 0).ejected_at.set(1);
  const StatsView view = sample.registry.gather();
  CHECK(view.pools[0].servers[0].state == std::string("ejected"));
  CHECK(view.pools[0].servers[0].workers_up == 1);
  CHECK(view.pools[0].servers[0].ejected_at > 0);
  CHECK(view.pools[0].servers[1].workers_up == 2);
}

TEST_CASE("after a change of the configuration what stays goes on, what is gone is not shown") {
  StatsSample sample;
  Snapshot next;
  next.config = sample.snapshot.config;
  next.config.pools[0].servers[1].name = "gamma";
  next.config.pools.pop_back();
  sample.registry.attach(next);
  sample.registry.publish(next);
  sample.registry.count_reload(true);
  const StatsView view = sample.registry.gather();
  REQUIRE(view.pools.size() == 1);
  CHECK(view.pools[0].servers[0].replies == 8);
  CHECK(view.pools[0].servers[1].name == "gamma");
  CHECK(view.pools[0].servers[1].key_share > 0.6);
  CHECK(view.reloads_succeeded == 1);
}

TEST_CASE("the JSON has the numbers in the shape that was agreed on") {
  StatsSample sample;
  const Json json = Json::parse(stats_json(sample.registry.gather()));
  CHECK(json["io"] == "io_uring");
  CHECK(json["draining"] == false);
  CHECK(json["memory"]["accounts"]["blocks"] == 2000);
  CHECK(json["memory"]["pressure"] == "none");
  CHECK(json["workers"][1]["worker"] == 1);
  const Json& pool = json["pools"][0];
  CHECK(pool["name"] == "sessions");
  CHECK(pool["listen"] == Json::array({"127.0.0.1:22121"}));
  CHECK(pool["requests"]["read"] == 10);
  CHECK(pool["errors"]["idle"] == 4);
  CHECK(pool["errors"]["timed_out"] == 2);
  const Json& latency = pool["latency"]["read"];
  CHECK(latency["count"] == 8);
  CHECK(latency["sum_seconds"].get<double>() == doctest::Approx(800 * 1024e-9));
  REQUIRE(latency["buckets"].size() == 1);
  CHECK(latency["buckets"][0][0].get<double>() == doctest::Approx(112 * 1024e-9));
  CHECK(latency["buckets"][0][1] == 8);
  CHECK(pool["latency"]["write"]["buckets"].empty());
  CHECK(pool["writing"]["count"] == 0);
  const Json& server = pool["servers"][1];
  CHECK(server["address"] == "[::1]:6380");
  CHECK(server["weight"] == 3);
  CHECK(server["state"] == "up");
  const Json& hot = json["hot_keys"];
  CHECK(hot["enabled"] == true);
  CHECK(hot["sample_every"] == kHotKeySampling);
  CHECK(hot["pools"][0]["sampled"] == 20);
  CHECK(hot["pools"][0]["keys"][0]["key_prefix"] == "hot");
  CHECK(hot["pools"][0]["keys"][0]["count"] == 14 * kHotKeySampling);
  CHECK(hot["pools"][0]["keys"][0]["share"].get<double>() == doctest::Approx(0.7));
  CHECK(hot["pools"][0]["keys"][1]["key_prefix"] == "c\\x0ald");
}

TEST_CASE("twemproxy's names are there, nested as it nests them") {
  StatsSample sample;
  const Json json = Json::parse(nutcracker_stats_json(sample.registry.gather()));
  for (const char* const name : {"service", "source", "version", "uptime", "timestamp",
                                 "total_connections", "curr_connections"}) {
    CAPTURE(name);
    CHECK(json.contains(name));
  }
  CHECK(json["service"] == "nutcracker");
  const Json& pool = json["sessions"];
  for (const char* const name : {"client_eof", "client_err", "client_connections", "server_ejects",
                                 "forward_error", "fragments"}) {
    CAPTURE(name);
    CHECK(pool[name].is_number_integer());
  }
  CHECK(pool["client_connections"] == 6);
  CHECK(pool["forward_error"] == 2);
  for (const char* const name :
       {"server_eof", "server_err", "server_timedout", "server_connections", "server_ejected_at",
        "requests", "request_bytes", "responses", "response_bytes", "in_queue", "in_queue_bytes",
        "out_queue", "out_queue_bytes"}) {
    CAPTURE(name);
    CHECK(pool["alpha"][name].is_number_integer());
  }
  CHECK(pool["alpha"]["requests"] == 10);
  CHECK(pool["alpha"]["responses"] == 8);
  CHECK(pool["alpha"]["out_queue"] == 2);
}

// For ThreadSanitizer, and because counts never go back.
TEST_CASE("numbers are read while a worker counts") {
  StatsSample sample;
  std::atomic<bool> is_over{false};
  std::thread worker([&] {
    for (u32 i = 0; i < 20'000; ++i) {
      sample.pool(0).requests[0].add();
      sample.pool(0).hot_keys.note("hot");
      sample.server(0, 0).serving[0].add(i % 1000);
    }
    is_over.store(true);
  });
  u64 requests = 0;
  u64 served = 0;
  bool is_back = false;
  while (!is_over.load()) {
    const StatsView view = sample.registry.gather();
    const u64 now_served = view.pools[0].servers[0].serving[0].count();
    is_back |= view.pools[0].requests[0] < requests || now_served < served;
    requests = view.pools[0].requests[0];
    served = now_served;
  }
  worker.join();
  CHECK(!is_back);
  CHECK(sample.registry.gather().pools[0].requests[0] == 20'010);
}

TEST_CASE("slow requests are shown latest first, and only so many") {
  StatsSample sample;
  SpscRing<WorkerEvent> ring(2);
  Outbox outbox(ring, -1);
  for (u32 i = 0; i < SlowLog::kEntries + 5; ++i) {
    outbox.report_slow({i * 1000, 1, 2, 3}, "sessions", "alpha", "get", std::string("k\\\x01", 3));
    WorkerEvent event;
    REQUIRE(ring.try_pop(event));
    sample.registry.add_slow(1, event);
  }
  const Json slow = Json::parse(stats_json(sample.registry.gather()))["slow"];
  REQUIRE(slow.size() == SlowLog::kEntries);
  CHECK(slow[0]["worker"] == 1);
  CHECK(slow[0]["command"] == "get");
  CHECK(slow[0]["server"] == "alpha");
  CHECK(slow[0]["key_prefix"] == "k\\x5c\\x01");
  CHECK(slow[0]["total_seconds"].get<double>() >
        slow[SlowLog::kEntries - 1]["total_seconds"].get<double>());
  CHECK(slow[0]["time_unix_seconds"].get<double>() > 1.7e9);
}

namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

// Of the first sample of a metric, without le: "a,b".
std::string labels_in(const std::string& text, const std::string& sample) {
  const std::size_t at = text.find("\n" + sample);
  REQUIRE_MESSAGE(at != std::string::npos, sample);
  const std::string line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
  std::string labels;
  std::size_t from = line.find('{');
  while (from != std::string::npos && from + 1 < line.size() && line[from + 1] != '}') {
    const std::size_t equals = line.find("=\"", from);
    const std::string name = line.substr(from + 1, equals - from - 1);
    if (name != "le") labels += (labels.empty() ? "" : ",") + name;
    std::size_t end = equals + 2;
    while (line[end] != '"') end += line[end] == '\\' ? 2 : 1;
    from = line[end + 1] == ',' ? end + 1 : std::string::npos;
  }
  return labels;
}

}  // namespace

TEST_CASE("every metric of the table is in the text, with its labels") {
  StatsSample sample;
  const std::string text = metrics_text(sample.registry.gather());
  for (const std::string& line : split(metrics_table(), '\n')) {
    const std::vector<std::string> row = split(line, '\t');
    REQUIRE(row.size() == 4);
    CAPTURE(row[0]);
    CHECK(text.find("# HELP " + row[0] + " ") != std::string::npos);
    CHECK(text.find("# TYPE " + row[0] + " " + row[1] + "\n") != std::string::npos);
    CHECK(row[0].starts_with("ringfold_"));
    CHECK(row[0].ends_with("_total") == (row[1] == "counter"));
    CHECK(row[3].ends_with("."));
    CHECK(labels_in(text, row[0] + (row[1] == "histogram" ? "_count" : "")) == row[2]);
  }
  CHECK(text.find("ringfold_requests_total{pool=\"sessions\",command=\"read\"} 10") !=
        std::string::npos);
}
