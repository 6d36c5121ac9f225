#include "app/config_warnings.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "app/endpoint.h"
#include "app/placed_ring.h"
#include "app/sample_keys.h"

namespace ringfold {
namespace {

// A server is badly served with more than 1.5 times its weight's share, or less than half of it.
constexpr double kShareMost = 1.5;
constexpr double kShareLeast = 0.5;
// Of fewer sampled keys than this the number says too little: its standard deviation is a tenth, so
// that half or 1.5 times of it is five of them away.
constexpr double kExpectedLeast = 100;

// What the process has open besides connections and listeners: standard streams, log, signals, and
// for each worker its ring and its doorbell. Counted: 7 and 2; the rest is for what comes and goes.
constexpr u64 kOwnDescriptors = 16;
constexpr u64 kOwnDescriptorsPerThread = 2;

std::string setting(const PoolConfig& pool) {
  return fmt::format("hash = \"{}\" with distribution = \"{}\"", to_string(pool.sharding.hash),
                     to_string(pool.sharding.distribution));
}

std::vector<u32> count_keys(const PoolConfig& pool, const ShardMap& map) {
  std::vector<u32> counts(pool.servers.size());
  SampleKeys keys(pool.sharding.hash_tag);
  for (u32 i = 0; i < kSampleCount; ++i) counts[map.route(keys.next(), 0)] += 1;
  return counts;
}

void check_spread(ErrorList& warnings, const PoolDraft& draft) {
  const PoolConfig& pool = draft.pool;
  // Rendezvous is exact by its construction, and slow to sample with many servers.
  if (pool.servers.size() < 2 || pool.sharding.distribution == Distribution::rendezvous) return;
  const ShardMap map = place_pool(pool).map;
  if (map.random()) return;
  const std::vector<u32> counts = count_keys(pool, map);
  double total_weight = 0;
  for (const ServerConfig& server : pool.servers) total_weight += server.weight;
  std::size_t worst = 0;
  double worst_badness = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = kSampleCount * (pool.servers[i].weight / total_weight);
    if (expected < kExpectedLeast) continue;
    const double ratio = counts[i] / expected;
    // Too much is worse than too little: such a server breaks, the other idles.
    const double badness = ratio > kShareMost ? 1 + ratio : ratio < kShareLeast ? 1 - ratio : 0;
    if (badness <= worst_badness) continue;
    worst = i;
    worst_badness = badness;
  }
  if (worst_badness == 0) return;
  const ServerConfig& server = pool.servers[worst];
  warnings.add(draft.hash.line == 0 ? draft.table : draft.hash,
               fmt::format("pool {}: {} spreads keys badly: server {} gets {:.1f} % of {} sampled "
                           "keys, by its weight {:.1f} % are due; another hash or distribution "
                           "spreads them better, but moves keys (see ringfold diff)",
                           shown(pool.name), setting(pool), shown(server.name),
                           100.0 * counts[worst] / kSampleCount, kSampleCount,
                           100.0 * (server.weight / total_weight)));
}

void check_addresses(ErrorList& warnings, const PoolDraft& draft) {
  std::map<std::string, std::size_t> seen;
  const std::vector<ServerConfig>& servers = draft.pool.servers;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const std::string address = to_string(servers[i].endpoint);
    const auto [first, is_new] = seen.emplace(address, i);
    if (is_new) continue;
    warnings.add(draft.servers[i],
                 fmt::format("pool {}: server {} has the address of server {} in line {}, {}: what "
                             "is meant for two servers goes to one",
                             shown(draft.pool.name), shown(servers[i].name),
                             shown(servers[first->second].name), draft.servers[first->second].line,
                             address));
  }
}

void check_descriptors(ErrorList& warnings, const ConfigDraft& draft, u64 open_files_max) {
  const u64 threads = draft.config.threads;
  u64 clients = 0;
  u64 backends = 0;
  u64 listeners = 0;
  u64 most = 0;
  Position place;
  for (const PoolDraft& pool : draft.pools) {
    const u64 own_clients = pool.pool.client_connections;
    const u64 own_backends = pool.pool.servers.size() * pool.pool.server_connections * threads;
    clients += own_clients;
    backends += own_backends;
    listeners += pool.pool.listen.size() * threads;
    if (own_clients + own_backends <= most) continue;
    most = own_clients + own_backends;
    place = pool.table;
  }
  const u64 own = kOwnDescriptors + kOwnDescriptorsPerThread * threads;
  const u64 needed = clients + backends + listeners + own;
  if (needed <= open_files_max) return;
  warnings.add(place, fmt::format("up to {} descriptors are needed ({} clients, {} connections to "
                                  "servers, {} listeners, {} others), but a process may have {} "
                                  "here; raise the hard limit (ulimit -Hn; systemd: LimitNOFILE=)",
                                  needed, clients, backends, listeners, own, open_files_max));
}

void check_admin(ErrorList& warnings, const ConfigDraft& draft) {
  const Config& config = draft.config;
  const std::string& host = config.admin_listen.host;
  if (!config.admin_configured || !config.admin_token.empty() || host.empty()) return;
  if (host == "localhost" || host == "::1" || host.starts_with("127.")) return;
  warnings.add(draft.admin_listen,
               fmt::format("the admin endpoint {} may be reached from other machines, and without "
                           "admin.token it shows the configuration and keys to whoever asks",
                           shown(to_string(config.admin_listen))));
}

}  // namespace

void find_warnings(ErrorList& warnings, const ConfigDraft& draft, u64 open_files_max) {
  for (const PoolDraft& pool : draft.pools) {
    check_addresses(warnings, pool);
    check_spread(warnings, pool);
  }
  check_descriptors(warnings, draft, open_files_max);
  check_admin(warnings, draft);
}

}  // namespace ringfold
