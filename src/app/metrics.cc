#include "app/metrics.h"

#include <fmt/core.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace ringfold {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

// Collects the samples of one metric.
struct Samples {
  MetricType type;
  std::vector<ClientMetric> metrics = {};

  void add(Labels labels, double value) {
    ClientMetric& metric = metrics.emplace_back();
    metric.label = std::move(labels);
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  }
  void add(Labels labels, u64 value) { add(std::move(labels), static_cast<double>(value)); }

  // Bounds at the powers of two only: a server has six histograms, and Prometheus keeps a series
  // for each bound of each.
  void add(Labels labels, const HistogramCounts& counts) {
    ClientMetric& metric = metrics.emplace_back();
    metric.label = std::move(labels);
    u64 cumulative = 0;
    for (u32 bucket = 0; bucket < histogram::kBuckets - 1; ++bucket) {
      cumulative += counts.counts[bucket];
      const u64 end = histogram::end_of(bucket);
      if ((end & (end - 1)) != 0) continue;
      metric.histogram.bucket.push_back({cumulative, static_cast<double>(end) * kStampSeconds});
    }
    metric.histogram.sample_count = counts.count();
    metric.histogram.sample_sum = counts.sum_seconds();
  }
};

struct MetricRow {
  const char* name;
  MetricType type;
  const char* labels;  // comma separated, in the order in which they are given
  const char* help;
  void (*collect)(const StatsView& view, Samples& to);
};

template <auto member>
void of_process(const StatsView& view, Samples& to) {
  to.add({}, view.process.*member);
}

template <auto member>
void of_worker(const StatsView& view, Samples& to) {
  for (std::size_t i = 0; i < view.workers.size(); ++i) {
    to.add({{"worker", std::to_string(i)}}, view.workers[i].*member);
  }
}

template <auto member>
void of_pool(const StatsView& view, Samples& to) {
  for (const PoolView& pool : view.pools) to.add({{"pool", pool.name}}, pool.*member);
}

template <auto member>
void of_pool_groups(const StatsView& view, Samples& to) {
  for (const PoolView& pool : view.pools) {
    for (std::size_t i = 0; i < kGroups; ++i) {
      to.add({{"pool", pool.name}, {"command", kGroupNames[i]}}, (pool.*member)[i]);
    }
  }
}

template <auto member>
void of_server(const StatsView& view, Samples& to) {
  for (const PoolView& pool : view.pools) {
    for (const ServerView& server : pool.servers) {
      to.add({{"pool", pool.name}, {"server", server.name}}, server.*member);
    }
  }
}

template <auto member>
void of_server_groups(const StatsView& view, Samples& to) {
  for (const PoolView& pool : view.pools) {
    for (const ServerView& server : pool.servers) {
      for (std::size_t i = 0; i < kGroups; ++i) {
        to.add({{"pool", pool.name}, {"server", server.name}, {"command", kGroupNames[i]}},
               (server.*member)[i]);
      }
    }
  }
}

void build_info(const StatsView& view, Samples& to) {
  to.add({{"version", view.version}, {"io", view.io}}, 1.0);
}

void reloads(const StatsView& view, Samples& to) {
  to.add({{"result", "succeeded"}}, view.reloads_succeeded);
  to.add({{"result", "failed"}}, view.reloads_failed);
}

void memory(const StatsView& view, Samples& to) {
  to.add({{"account", "blocks"}}, view.memory.blocks);
  to.add({{"account", "requests"}}, view.memory.requests);
  to.add({{"account", "clients"}}, view.memory.clients);
  to.add({{"account", "receive_buffers"}}, view.memory.receive_buffers);
}

void pressure(const StatsView& view, Samples& to) {
  const std::string_view now = view.memory.pressure;
  for (const char* const each : {"none", "tight", "dire"}) {
    to.add({{"level", each}}, now == each ? 1.0 : 0.0);
  }
}

void client_errors(const StatsView& view, Samples& to) {
  for (const PoolView& pool : view.pools) {
    for (const auto& [reason, count] : pool.errors) {
      to.add({{"pool", pool.name}, {"reason", reason}}, count);
    }
  }
}

void server_errors(const StatsView& view, Samples& to) {
  for (const PoolView& pool : view.pools) {
    for (const ServerView& server : pool.servers) {
      for (const auto& [reason, count] : server.errors) {
        to.add({{"pool", pool.name}, {"server", server.name}, {"reason", reason}}, count);
      }
    }
  }
}

void server_states(const StatsView& view, Samples& to) {
  for (const PoolView& pool : view.pools) {
    for (const ServerView& server : pool.servers) {
      for (const char* const each : {"up", "down", "ejected"}) {
        to.add({{"pool", pool.name}, {"server", server.name}, {"state", each}},
               std::string_view(server.state) == each ? 1.0 : 0.0);
      }
    }
  }
}

void server_weights(const StatsView& view, Samples& to) {
  for (const PoolView& pool : view.pools) {
    for (const ServerView& server : pool.servers) {
      to.add({{"pool", pool.name}, {"server", server.name}}, u64{server.weight});
    }
  }
}

void hottest_keys(const StatsView& view, Samples& to) {
  for (const HotPoolView& pool : view.hot_keys) {
    to.add({{"pool", pool.pool}}, pool.keys.empty() ? 0.0 : pool.keys.front().share);
  }
}

constexpr MetricType kCounter = MetricType::Counter;
constexpr MetricType kGauge = MetricType::Gauge;
constexpr MetricType kHistogram = MetricType::Histogram;

// clang-format off
constexpr MetricRow kRows[] = {
    // The process.
    {"ringfold_build_info", kGauge, "version,io",
     "1; what runs: its version, and how it talks to the kernel.", build_info},
    {"ringfold_uptime_seconds", kGauge, "", "Time since the process started.",
     [](const StatsView& view, Samples& to) { to.add({}, view.uptime_seconds); }},
    {"ringfold_draining", kGauge, "", "1 while the process ends: it takes no new clients.",
     [](const StatsView& view, Samples& to) { to.add({}, view.draining ? 1.0 : 0.0); }},
    {"ringfold_reloads_total", kCounter, "result",
     "Times the configuration was to be read again.", reloads},
    {"ringfold_cpu_seconds_total", kCounter, "", "Processor time of the process.",
     of_process<&ProcessView::cpu_seconds>},
    {"ringfold_resident_memory_bytes", kGauge, "", "Memory of the process, as the kernel counts.",
     of_process<&ProcessView::resident_bytes>},
    {"ringfold_open_descriptors", kGauge, "", "Open file descriptors.",
     of_process<&ProcessView::open_descriptors>},
    {"ringfold_max_descriptors", kGauge, "", "File descriptors that may be open at once.",
     of_process<&ProcessView::descriptors_max>},
    {"ringfold_memory_bytes", kGauge, "account",
     "Memory by what it is for: blocks hold requests and replies on their way.", memory},
    {"ringfold_memory_limit_bytes", kGauge, "", "memory_limit; 0: none.",
     [](const StatsView& view, Samples& to) { to.add({}, view.memory.limit_bytes); }},
    {"ringfold_memory_pressure", kGauge, "level",
     "1 for the level of the worker that is nearest to its share of memory_limit.", pressure},
    // Workers: how well the turns of their rings are filled.
    {"ringfold_worker_ticks_total", kCounter, "worker", "Turns of the worker's loop.",
     of_worker<&WorkerView::ticks>},
    {"ringfold_worker_completions_total", kCounter, "worker",
     "Completions that the kernel delivered; by ticks: how much a turn has to do.",
     of_worker<&WorkerView::completions>},
    {"ringfold_worker_requests_total", kCounter, "worker",
     "Requests that were taken from clients for servers.", of_worker<&WorkerView::requests>},
    {"ringfold_worker_sends_total", kCounter, "worker",
     "Sends to clients and servers; requests by sends: how well they are batched.",
     of_worker<&WorkerView::sends>},
    {"ringfold_worker_no_buffer_total", kCounter, "worker",
     "Receives that ended because all receive buffers were in use (ENOBUFS).",
     of_worker<&WorkerView::no_buffer>},
    {"ringfold_worker_completion_overflows_total", kCounter, "worker",
     "Turns in which the completion queue had overflowed; nothing is lost by it.",
     of_worker<&WorkerView::completion_overflows>},
    {"ringfold_worker_events_dropped_total", kCounter, "worker",
     "Log lines and other events that were dropped because the log fell behind.",
     of_worker<&WorkerView::events_dropped>},
    {"ringfold_worker_accept_pauses_total", kCounter, "worker",
     "Times accepting clients was paused because it failed (out of descriptors, mostly).",
     of_worker<&WorkerView::accept_pauses>},
    {"ringfold_worker_clients", kGauge, "worker", "Open client connections.",
     of_worker<&WorkerView::clients>},
    {"ringfold_worker_slow_requests_total", kCounter, "worker",
     "Requests that took longer than admin.slow_ms.", of_worker<&WorkerView::slow_requests>},
    {"ringfold_worker_slow_requests_dropped_total", kCounter, "worker",
     "Of these, those that are not in the slow log because there were too many at once.",
     of_worker<&WorkerView::slow_requests_dropped>},
    // Pools: the clients' side.
    {"ringfold_clients", kGauge, "pool", "Open client connections.", of_pool<&PoolView::clients>},
    {"ringfold_clients_accepted_total", kCounter, "pool", "Client connections that were taken.",
     of_pool<&PoolView::clients_accepted>},
    {"ringfold_clients_closed_total", kCounter, "pool",
     "Client connections that the client closed.", of_pool<&PoolView::clients_closed>},
    {"ringfold_clients_broken_total", kCounter, "pool",
     "Client connections that ended with an error (reset, most often).",
     of_pool<&PoolView::clients_broken>},
    {"ringfold_client_pauses_total", kCounter, "pool",
     "Times a client was not read for a while because it had enough under way.",
     of_pool<&PoolView::client_pauses>},
    {"ringfold_client_throttles_total", kCounter, "pool",
     "Times a client was not read for a while because a server it asked had enough to do.",
     of_pool<&PoolView::client_throttles>},
    {"ringfold_received_bytes_total", kCounter, "pool", "Bytes received from clients.",
     of_pool<&PoolView::bytes_received>},
    {"ringfold_sent_bytes_total", kCounter, "pool", "Bytes sent to clients.",
     of_pool<&PoolView::bytes_sent>},
    {"ringfold_requests_total", kCounter, "pool,command",
     "Requests of clients for servers; one for several servers counts once.",
     of_pool_groups<&PoolView::requests>},
    {"ringfold_fragments_total", kCounter, "pool",
     "Parts of requests that went to several servers.", of_pool<&PoolView::fragments>},
    {"ringfold_abandoned_requests_total", kCounter, "pool",
     "Of these requests, those whose client left before it could have its reply.",
     of_pool<&PoolView::abandoned>},
    {"ringfold_errors_total", kCounter, "pool,reason",
     "Requests refused and connections closed for the client's part in it.", client_errors},
    {"ringfold_request_duration_seconds", kHistogram, "pool,command",
     "From a request received to its reply handed to the client's socket, to the worker's turn.",
     of_pool_groups<&PoolView::latency>},
    {"ringfold_reply_writing_seconds", kHistogram, "pool",
     "From a reply complete to handed to the client's socket: waits for those before it.",
     of_pool<&PoolView::writing>},
    {"ringfold_hottest_key_share_ratio", kGauge, "pool",
     "Share of the hottest key in the pool's requests, estimated from samples.", hottest_keys},
    // Servers.
    {"ringfold_server_state", kGauge, "pool,server,state",
     "1 for the state of the server: the worst of any worker.", server_states},
    {"ringfold_server_workers_up", kGauge, "pool,server",
     "Workers that send requests to the server.", of_server<&ServerView::workers_up>},
    {"ringfold_server_weight", kGauge, "pool,server", "Weight, as configured.", server_weights},
    {"ringfold_server_key_share_ratio", kGauge, "pool,server",
     "Share of the keys while no server is ejected, by 100,000 sampled keys.",
     of_server<&ServerView::key_share>},
    {"ringfold_server_connections", kGauge, "pool,server", "Open connections.",
     of_server<&ServerView::connections>},
    {"ringfold_server_pending_requests", kGauge, "pool,server",
     "Requests in the server's lines.", of_server<&ServerView::pending>},
    {"ringfold_server_unsent_requests", kGauge, "pool,server",
     "Of these, those that wait for a connection to be ready.", of_server<&ServerView::unsent>},
    {"ringfold_server_unsent_bytes", kGauge, "pool,server",
     "Bytes of requests that are not sent yet.", of_server<&ServerView::unsent_bytes>},
    {"ringfold_server_requests_total", kCounter, "pool,server,command",
     "Requests and parts of requests put into the server's lines.",
     of_server_groups<&ServerView::requests>},
    {"ringfold_server_replies_total", kCounter, "pool,server",
     "Whole replies of the server to them.", of_server<&ServerView::replies>},
    {"ringfold_server_dropped_replies_total", kCounter, "pool,server",
     "Of these, those that nobody waited for any more.", of_server<&ServerView::dropped_replies>},
    {"ringfold_server_errors_total", kCounter, "pool,server,reason",
     "Requests and parts of requests answered with an error because of the server.",
     server_errors},
    {"ringfold_server_sent_bytes_total", kCounter, "pool,server", "Bytes sent to the server.",
     of_server<&ServerView::bytes_sent>},
    {"ringfold_server_received_bytes_total", kCounter, "pool,server",
     "Bytes received from the server.", of_server<&ServerView::bytes_received>},
    {"ringfold_server_timeouts_total", kCounter, "pool,server",
     "Requests that took longer than timeout_ms.", of_server<&ServerView::timeouts>},
    {"ringfold_server_failures_total", kCounter, "pool,server",
     "Failures that count for ejection: connections and rounds of timeouts.",
     of_server<&ServerView::failures>},
    {"ringfold_server_ejections_total", kCounter, "pool,server",
     "Times a worker ejected the server.", of_server<&ServerView::ejections>},
    {"ringfold_server_returns_total", kCounter, "pool,server",
     "Times the server was back for a worker.", of_server<&ServerView::returns>},
    {"ringfold_server_connects_total", kCounter, "pool,server", "Connections opened or tried.",
     of_server<&ServerView::connects>},
    {"ringfold_server_closed_connections_total", kCounter, "pool,server",
     "Connections that the server closed.", of_server<&ServerView::closed_by_server>},
    {"ringfold_server_broken_connections_total", kCounter, "pool,server",
     "Connections that failed otherwise.", of_server<&ServerView::broken_connections>},
    {"ringfold_server_resends_total", kCounter, "pool,server",
     "Requests that waited for a connection in vain and were given to the server instead.",
     of_server<&ServerView::resends>},
    {"ringfold_server_waiting_seconds", kHistogram, "pool,server,command",
     "From a request received to handed to the server's socket, to the worker's turn.",
     of_server_groups<&ServerView::waiting>},
    {"ringfold_server_serving_seconds", kHistogram, "pool,server,command",
     "From a request handed to the server's socket to its reply complete.",
     of_server_groups<&ServerView::serving>},
};
// clang-format on

const char* name_of(MetricType type) {
  if (type == kCounter) return "counter";
  return type == kGauge ? "gauge" : "histogram";
}

}  // namespace

std::string metrics_text(const StatsView& view) {
  std::vector<prometheus::MetricFamily> families;
  families.reserve(std::size(kRows));
  for (const MetricRow& row : kRows) {
    Samples samples{row.type};
    row.collect(view, samples);
    families.push_back({row.name, row.help, row.type, std::move(samples.metrics)});
  }
  return prometheus::TextSerializer().Serialize(families);
}

std::string metrics_table() {
  std::string table;
  for (const MetricRow& row : kRows) {
    table += fmt::format("{}\t{}\t{}\t{}\n", row.name, name_of(row.type), row.labels, row.help);
  }
  return table;
}

}  // namespace ringfold
