#include "app/stats_json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace ringfold {

namespace {

using Json = nlohmann::ordered_json;

Json groups_of(const GroupCounts& counts) {
  Json groups;
  for (std::size_t i = 0; i < kGroups; ++i) groups[kGroupNames[i]] = counts[i];
  return groups;
}

Json histogram_of(const HistogramCounts& counts) {
  Json buckets = Json::array();
  for (u32 bucket = 0; bucket < histogram::kBuckets; ++bucket) {
    if (counts.counts[bucket] == 0) continue;
    const double end = static_cast<double>(histogram::end_of(bucket)) * kStampSeconds;
    buckets.push_back(Json::array({end, counts.counts[bucket]}));
  }
  return {{"count", counts.count()}, {"sum_seconds", counts.sum_seconds()}, {"buckets", buckets}};
}

Json histograms_of(const GroupHistograms& histograms) {
  Json groups;
  for (std::size_t i = 0; i < kGroups; ++i) groups[kGroupNames[i]] = histogram_of(histograms[i]);
  return groups;
}

Json reasons_of(const ReasonCounts& counts) {
  Json reasons = Json::object();
  for (const auto& [reason, count] : counts) reasons[reason] = count;
  return reasons;
}

Json server_of(const ServerView& server) {
  return {{"name", server.name},
          {"address", server.address},
          {"weight", server.weight},
          {"state", server.state},
          {"workers_up", server.workers_up},
          {"key_share", server.key_share},
          {"connections", server.connections},
          {"pending", server.pending},
          {"unsent_bytes", server.unsent_bytes},
          {"requests", groups_of(server.requests)},
          {"replies", server.replies},
          {"errors", reasons_of(server.errors)},
          {"bytes_sent", server.bytes_sent},
          {"bytes_received", server.bytes_received},
          {"timeouts", server.timeouts},
          {"failures", server.failures},
          {"ejections", server.ejections},
          {"returns", server.returns},
          {"connects", server.connects},
          {"resends", server.resends},
          {"dropped_replies", server.dropped_replies},
          {"waiting", histograms_of(server.waiting)},
          {"serving", histograms_of(server.serving)}};
}

Json pool_of(const PoolView& pool) {
  Json servers = Json::array();
  for (const ServerView& server : pool.servers) servers.push_back(server_of(server));
  return {{"name", pool.name},
          {"protocol", pool.protocol},
          {"listen", pool.listen},
          {"clients", pool.clients},
          {"clients_accepted", pool.clients_accepted},
          {"clients_closed", pool.clients_closed},
          {"clients_broken", pool.clients_broken},
          {"client_pauses", pool.client_pauses},
          {"client_throttles", pool.client_throttles},
          {"bytes_received", pool.bytes_received},
          {"bytes_sent", pool.bytes_sent},
          {"fragments", pool.fragments},
          {"abandoned", pool.abandoned},
          {"requests", groups_of(pool.requests)},
          {"errors", reasons_of(all_errors(pool))},
          {"latency", histograms_of(pool.latency)},
          {"writing", histogram_of(pool.writing)},
          {"servers", std::move(servers)}};
}

Json worker_of(const WorkerView& worker, std::size_t index) {
  return {{"worker", index},
          {"ticks", worker.ticks},
          {"completions", worker.completions},
          {"requests", worker.requests},
          {"sends", worker.sends},
          {"no_buffer", worker.no_buffer},
          {"completion_overflows", worker.completion_overflows},
          {"events_dropped", worker.events_dropped},
          {"accept_pauses", worker.accept_pauses},
          {"clients", worker.clients},
          {"slow_requests", worker.slow_requests},
          {"slow_requests_dropped", worker.slow_requests_dropped}};
}

Json slow_of(const SlowView& slow) {
  return {{"time_unix_seconds", slow.time_unix_seconds},
          {"worker", slow.worker},
          {"pool", slow.pool},
          {"server", slow.server},
          {"command", slow.command},
          {"key_prefix", slow.key_prefix},
          {"total_seconds", slow.total_seconds},
          {"waiting_seconds", slow.waiting_seconds},
          {"serving_seconds", slow.serving_seconds},
          {"writing_seconds", slow.writing_seconds}};
}

Json hot_keys_of(const StatsView& view) {
  Json pools = Json::array();
  for (const HotPoolView& pool : view.hot_keys) {
    Json keys = Json::array();
    for (const HotKeyView& key : pool.keys) {
      keys.push_back({{"key_prefix", key.key_prefix},
                      {"count", key.count},
                      {"error", key.error},
                      {"share", key.share}});
    }
    pools.push_back({{"pool", pool.pool}, {"sampled", pool.sampled}, {"keys", std::move(keys)}});
  }
  return {{"enabled", view.hot_keys_enabled},
          {"sample_every", view.hot_keys_sample_every},
          {"pools", std::move(pools)}};
}

// Names come from a file and hosts from the system: what is no UTF-8 in them is replaced.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

u64 sum_of(const ReasonCounts& counts) {
  return std::accumulate(counts.begin(), counts.end(), u64{0},
                         [](u64 sum, const auto& each) { return sum + each.second; });
}

u64 sum_of(const GroupCounts& counts) {
  return std::accumulate(counts.begin(), counts.end(), u64{0});
}

Json nutcracker_server(const ServerView& server) {
  // twemproxy's in_queue is what has not been sent yet, its out_queue what has.
  return {{"server_eof", server.closed_by_server},
          {"server_err", server.broken_connections},
          {"server_timedout", server.timeouts},
          {"server_connections", server.connections},
          {"server_ejected_at", std::llround(server.ejected_at * 1e6)},
          {"requests", sum_of(server.requests)},
          {"request_bytes", server.bytes_sent},
          {"responses", server.replies},
          {"response_bytes", server.bytes_received},
          {"in_queue", server.unsent},
          {"in_queue_bytes", server.unsent_bytes},
          {"out_queue", server.pending - server.unsent},
          {"out_queue_bytes", 0}};
}

Json nutcracker_pool(const PoolView& pool) {
  u64 ejections = 0;
  for (const ServerView& server : pool.servers) ejections += server.ejections;
  u64 errors = 0;
  for (const ServerView& server : pool.servers) errors += sum_of(server.errors);
  Json json = {{"client_eof", pool.clients_closed},
               {"client_err", pool.clients_broken},
               {"client_connections", pool.clients},
               {"server_ejects", ejections},
               {"forward_error", errors},
               {"fragments", pool.fragments}};
  for (const ServerView& server : pool.servers) json[server.name] = nutcracker_server(server);
  return json;
}

}  // namespace

std::string stats_json(const StatsView& view) {
  const MemoryView& memory = view.memory;
  Json json = {
      {"version", view.version},
      {"pid", view.pid},
      {"uptime_seconds", view.uptime_seconds},
      {"io", view.io},
      {"threads", view.threads},
      {"draining", view.draining},
      {"reloads", {{"succeeded", view.reloads_succeeded}, {"failed", view.reloads_failed}}},
      {"process",
       {{"cpu_seconds", view.process.cpu_seconds},
        {"resident_bytes", view.process.resident_bytes},
        {"open_descriptors", view.process.open_descriptors},
        {"descriptors_max", view.process.descriptors_max}}},
      {"memory",
       {{"limit_bytes", memory.limit_bytes},
        {"in_use_bytes", memory.in_use()},
        {"pressure", memory.pressure},
        {"accounts",
         {{"blocks", memory.blocks},
          {"requests", memory.requests},
          {"clients", memory.clients},
          {"receive_buffers", memory.receive_buffers}}}}}};
  json["workers"] = Json::array();
  for (std::size_t i = 0; i < view.workers.size(); ++i) {
    json["workers"].push_back(worker_of(view.workers[i], i));
  }
  json["pools"] = Json::array();
  for (const PoolView& pool : view.pools) json["pools"].push_back(pool_of(pool));
  json["slow"] = Json::array();
  for (const SlowView& slow : view.slow) json["slow"].push_back(slow_of(slow));
  json["hot_keys"] = hot_keys_of(view);
  return text_of(json);
}

std::string nutcracker_stats_json(const StatsView& view) {
  u64 accepted = 0;
  u64 current = 0;
  for (const PoolView& pool : view.pools) {
    accepted += pool.clients_accepted;
    current += pool.clients;
    for (const ServerView& server : pool.servers) {
      accepted += server.connects;
      current += server.connections;
    }
  }
  Json json = {{"service", "nutcracker"},
               {"source", view.host},
               {"version", view.version},
               {"uptime", static_cast<u64>(view.uptime_seconds)},
               {"timestamp", static_cast<u64>(view.time_unix_seconds)},
               {"total_connections", accepted},
               {"curr_connections", current}};
  for (const PoolView& pool : view.pools) json[pool.name] = nutcracker_pool(pool);
  return text_of(json);
}

}  // namespace ringfold
