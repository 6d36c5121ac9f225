#include "app/config_keys.h"

#include <fmt/core.h>
#include <sched.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "app/endpoint.h"
#include "ringfold/base/limits.h"

namespace ringfold {
namespace {

// Milliseconds and plain counts end where twemproxy's own 32-bit signed numbers end.
constexpr u64 kCountMax = 2147483647;
constexpr NumberRange kMilliseconds{0, kCountMax, "milliseconds"};
constexpr NumberRange kSlow{0, 3'600'000, "milliseconds"};  // a Stamp wraps after 73 minutes

// An argument's place in a request is kept in 32 bits; half of that leaves room for the sums.
constexpr NumberRange kRequestSize{1_KiB, 2_GiB, "bytes"};
constexpr NumberRange kOutputLimit{16_KiB, u64{1} << 40, "bytes"};
constexpr NumberRange kServerOutputLimit{1_MiB, u64{1} << 40, "bytes"};
constexpr NumberRange kMemoryLimit{0, u64{1} << 50, "bytes"};
constexpr u64 kMemoryLimitMin = 64_MiB;

constexpr TextLimits kName{1, 128};
constexpr TextLimits kPath{0, 4095};
constexpr TextLimits kUnixPath{0, 107};  // sun_path with its zero byte has 108 (unix(7))
constexpr TextLimits kPassword{0, 1024};
constexpr TextLimits kAddress{1, 512};
constexpr std::size_t kListenMax = 64;

// A row of a table of keys: its name and how it is read into a T.
template <class T>
struct KeySpec {
  std::string_view name;
  void (*read)(ErrorList& errors, const Entry& entry, T& out);
};

// Keys of twemproxy whose counterpart has a name too different to be found by its spelling.
struct Renamed {
  std::string_view old_name;
  std::string_view name;
};
constexpr Renamed kRenamed[] = {
    {"redis", "protocol"},
    {"redis_auth", "password"},
    {"redis_db", "database"},
};

// A known key that belongs elsewhere but is what was meant; key is empty when there is none.
struct Elsewhere {
  std::string_view key;
  std::string_view section;
};

// Defined behind the tables it looks into.
Elsewhere find_elsewhere(std::string_view word);

void add_unknown_key(ErrorList& errors, const Entry& entry, std::string_view section,
                     std::span<const std::string_view> known) {
  std::string_view nearest = nearest_word(entry.key, known);
  std::size_t distance = edit_distance(entry.key, nearest);
  for (const Renamed& renamed : kRenamed) {
    const bool is_known = std::ranges::find(known, renamed.name) != known.end();
    if (!is_known || entry.key != renamed.old_name) continue;
    nearest = renamed.name;
    distance = 0;
  }
  std::string message = fmt::format("unknown key {} in {}", shown(entry.key), section);
  const Elsewhere elsewhere = find_elsewhere(entry.key);
  if (!elsewhere.key.empty() && edit_distance(entry.key, elsewhere.key) < distance) {
    message += fmt::format("; the nearest known key is \"{}\", which belongs in {}", elsewhere.key,
                           elsewhere.section);
  } else {
    message += fmt::format("; the nearest known key is \"{}\"", nearest);
  }
  errors.add(entry.position, std::move(message));
}

template <class T, std::size_t kCount>
void read_table(ErrorList& errors, const Node& table, const KeySpec<T> (&keys)[kCount],
                std::string_view section, T& out) {
  std::string_view names[kCount];
  std::ranges::transform(keys, names, &KeySpec<T>::name);
  for (const Entry& entry : table.entries) {
    const auto row = std::ranges::find(keys, std::string_view(entry.key), &KeySpec<T>::name);
    if (row == std::end(keys)) {
      add_unknown_key(errors, entry, section, names);
    } else {
      row->read(errors, entry, out);
    }
  }
}

bool has_key(const Node& table, std::string_view name) {
  return std::ranges::find(table.entries, name, &Entry::key) != table.entries.end();
}

bool expect(ErrorList& errors, const Entry& entry, Node::Kind kind, std::string_view remedy) {
  if (entry.value.is(kind)) return true;
  errors.add(entry.position, fmt::format("key \"{}\" must be {}, not {}; write {}", entry.key,
                                         describe(kind), describe(entry.value.kind), remedy));
  return false;
}

bool read_endpoint(ErrorList& errors, const Entry& entry, Endpoint& out) {
  std::string text;
  if (!read_text(errors, entry, kAddress, text)) return false;
  auto endpoint = parse_endpoint(text);
  if (!endpoint) {
    errors.add(entry.value.position,
               fmt::format("key \"{}\": {}; right are \"host:port\", \"[::1]:port\" and "
                           "\"unix:/path\"",
                           entry.key, endpoint.error().text));
    return false;
  }
  out = std::move(*endpoint);
  return true;
}

// An element of an array, under the array's key, so that the readers of single values serve it.
Entry element_of(const Entry& array, const Node& item) {
  return {array.key, item.position, item};
}

// [proxy]

// The processors this process may run on.
u32 count_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::clamp(static_cast<u32>(CPU_COUNT(&set)), 1u, kThreadsMax);
}

void read_threads(ErrorList& errors, const Entry& entry, Config& config) {
  if (!read_number(errors, entry, {0, kThreadsMax, "0 = one a core"}, config.threads)) return;
  if (config.threads == 0) config.threads = count_cores();
}

void read_io(ErrorList& errors, const Entry& entry, Config& config) {
  constexpr std::string_view kWords[] = {"auto", "uring", "epoll"};
  std::size_t index = 0;
  if (read_word(errors, entry, kWords, index)) config.io = static_cast<IoKind>(index);
}

void read_log_level(ErrorList& errors, const Entry& entry, Config& config) {
  constexpr std::string_view kWords[] = {"error", "warn", "info", "debug"};
  std::size_t index = 0;
  if (read_word(errors, entry, kWords, index)) config.log_level = static_cast<LogLevel>(index);
}

void read_log_format(ErrorList& errors, const Entry& entry, Config& config) {
  constexpr std::string_view kWords[] = {"text", "json"};
  std::size_t index = 0;
  if (read_word(errors, entry, kWords, index)) config.log_format = static_cast<LogFormat>(index);
}

void read_memory_limit(ErrorList& errors, const Entry& entry, Config& config) {
  if (!read_size(errors, entry, kMemoryLimit, config.memory_limit)) return;
  if (config.memory_limit == 0 || config.memory_limit >= kMemoryLimitMin) return;
  errors.add(entry.value.position,
             "key \"memory_limit\" must be 0 (no limit) or at least 64MiB, else the proxy could "
             "not work");
}

// Less than this would be a second load on the name servers, and is a mistaken unit.
constexpr u32 kRefreshMin = 100;

void read_dns_refresh(ErrorList& errors, const Entry& entry, Config& config) {
  u32 value = 0;
  if (!read_number(errors, entry, kMilliseconds, value)) return;
  if (value != 0 && value < kRefreshMin) {
    errors.add(entry.value.position,
               fmt::format("key \"{}\" must be 0 (names are looked up again only when connections "
                           "fail) or at least {} milliseconds, not {}",
                           entry.key, kRefreshMin, value));
    return;
  }
  config.dns_refresh_ms = value;
}

constexpr KeySpec<Config> kProxyKeys[] = {
    {"threads", read_threads},
    {"io", read_io},
    {"memory_limit", read_memory_limit},
    {"log_level", read_log_level},
    {"log_format", read_log_format},
    {"log_file", [](ErrorList& errors, const Entry& entry,
                    Config& config) { read_text(errors, entry, kPath, config.log_file); }},
    {"dns_refresh_ms", read_dns_refresh},
    {"takeover_socket",
     [](ErrorList& errors, const Entry& entry, Config& config) {
       read_text(errors, entry, kUnixPath, config.takeover_socket);
     }},
    {"drain_timeout_ms",
     [](ErrorList& errors, const Entry& entry, Config& config) {
       read_number(errors, entry, kMilliseconds, config.drain_timeout_ms);
     }},
};

// [admin]

void read_admin_listen(ErrorList& errors, const Entry& entry, ConfigDraft& draft) {
  const bool is_off = entry.value.is(Node::Kind::string) && entry.value.text.empty();
  if (is_off) draft.config.admin_listen = {};
  if (!is_off && !read_endpoint(errors, entry, draft.config.admin_listen)) return;
  draft.config.admin_configured = true;
  draft.admin_listen = entry.value.position;
}

// Shorter ones can be guessed at the speed of a local network.
constexpr std::size_t kTokenMin = 16;

void read_admin_token(ErrorList& errors, const Entry& entry, ConfigDraft& draft) {
  std::string token;
  if (!read_secret(errors, entry, kPassword, token)) return;
  // What a header can carry as it is; a space would end it.
  const bool is_plain = std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!is_plain || (!token.empty() && token.size() < kTokenMin)) {
    errors.add(entry.value.position,
               fmt::format("key \"token\" must be empty or at least {} letters, digits and signs "
                           "of ASCII without spaces; write for example what \"openssl rand -hex "
                           "16\" prints",
                           kTokenMin));
    return;
  }
  draft.config.admin_token = std::move(token);
}

constexpr KeySpec<ConfigDraft> kAdminKeys[] = {
    {"listen", read_admin_listen},
    {"token", read_admin_token},
    {"slow_ms",
     [](ErrorList& errors, const Entry& entry, ConfigDraft& draft) {
       read_number(errors, entry, kSlow, draft.config.slow_ms);
     }},
    {"hot_keys", [](ErrorList& errors, const Entry& entry,
                    ConfigDraft& draft) { read_bool(errors, entry, draft.config.hot_keys); }},
};

// [[pool]] servers

struct ServerDraft {
  ServerConfig server;
  bool has_address = false;
};

constexpr KeySpec<ServerDraft> kServerKeys[] = {
    {"address",
     [](ErrorList& errors, const Entry& entry, ServerDraft& draft) {
       draft.has_address = read_endpoint(errors, entry, draft.server.endpoint);
     }},
    {"weight",
     [](ErrorList& errors, const Entry& entry, ServerDraft& draft) {
       read_number(errors, entry, {1, kWeightMax, ""}, draft.server.weight);
     }},
    {"name", [](ErrorList& errors, const Entry& entry,
                ServerDraft& draft) { read_text(errors, entry, kName, draft.server.name); }},
};

bool read_server_line(ErrorList& errors, const Entry& entry, ServerConfig& server) {
  auto parsed = parse_server_line(entry.value.text);
  if (!parsed) {
    errors.add(entry.value.position,
               fmt::format("server {}: {}; right are \"host:port:weight name\" and "
                           "\"/path:weight name\", the name may be absent",
                           shown(entry.value.text), parsed.error().text));
    return false;
  }
  if (parsed->name.size() > kName.size_max && entry.value.text.find(' ') != std::string::npos) {
    errors.add(entry.value.position, fmt::format("server {}: the name must have at most {} bytes",
                                                 shown(entry.value.text), kName.size_max));
    return false;
  }
  server = std::move(*parsed);
  return true;
}

bool read_server_table(ErrorList& errors, const Node& table, ServerConfig& server) {
  ServerDraft draft;
  read_table(errors, table, kServerKeys, "a server's table", draft);
  if (!has_key(table, "address")) {
    errors.add(table.position,
               "key \"address\" is missing in a server's table; write "
               "{ address = \"host:port\", weight = 1, name = \"a name\" }");
  }
  if (!draft.has_address) return false;
  if (draft.server.name.empty()) draft.server.name = default_server_name(draft.server.endpoint);
  server = std::move(draft.server);
  return true;
}

void read_servers(ErrorList& errors, const Entry& entry, PoolDraft& draft) {
  if (!expect(errors, entry, Node::Kind::array, "servers = [\"host:port:weight name\"]")) return;
  const std::vector<Node>& items = entry.value.items;
  if (items.empty() || items.size() > kServersPerPoolMax) {
    errors.add(entry.value.position,
               fmt::format("key \"servers\" must have 1 to {} servers, not {}", kServersPerPoolMax,
                           items.size()));
    return;
  }
  for (const Node& item : items) {
    ServerConfig server;
    bool is_good = false;
    if (item.is(Node::Kind::string)) {
      is_good = read_server_line(errors, element_of(entry, item), server);
    } else if (item.is(Node::Kind::table)) {
      is_good = read_server_table(errors, item, server);
    } else {
      errors.add(item.position, fmt::format("a server must be a string or a table, not {}; write "
                                            "\"host:port:weight name\"",
                                            describe(item.kind)));
    }
    if (!is_good) continue;
    draft.pool.servers.push_back(std::move(server));
    draft.servers.push_back(item.position);
  }
}

// [[pool]]

void read_listen(ErrorList& errors, const Entry& entry, PoolDraft& draft) {
  std::vector<Entry> elements;
  if (entry.value.is(Node::Kind::array)) {
    for (const Node& item : entry.value.items) elements.push_back(element_of(entry, item));
  } else {
    elements.push_back(entry);
  }
  if (elements.empty() || elements.size() > kListenMax) {
    errors.add(entry.value.position,
               fmt::format("key \"listen\" must have 1 to {} endpoints, not {}", kListenMax,
                           elements.size()));
    return;
  }
  for (const Entry& element : elements) {
    Endpoint endpoint;
    if (!read_endpoint(errors, element, endpoint)) continue;
    draft.pool.listen.push_back(std::move(endpoint));
    draft.listen.push_back(element.value.position);
  }
}

void read_protocol(ErrorList& errors, const Entry& entry, PoolDraft& draft) {
  constexpr std::string_view kWords[] = {"redis", "memcached"};
  std::size_t index = 0;
  if (!read_word(errors, entry, kWords, index)) return;
  draft.pool.protocol = static_cast<Protocol>(index);
}

void read_distribution(ErrorList& errors, const Entry& entry, PoolDraft& draft) {
  std::vector<std::string_view> words;
  for (u8 kind = 0; kind <= static_cast<u8>(Distribution::rendezvous); ++kind) {
    words.push_back(to_string(static_cast<Distribution>(kind)));
  }
  std::size_t index = 0;
  if (!read_word(errors, entry, words, index)) return;
  draft.pool.sharding.distribution = static_cast<Distribution>(index);
}

void read_hash(ErrorList& errors, const Entry& entry, PoolDraft& draft) {
  draft.hash = entry.value.position;
  std::vector<std::string_view> words;
  for (u8 kind = 0; kind <= static_cast<u8>(HashKind::xxh3); ++kind) {
    words.push_back(to_string(static_cast<HashKind>(kind)));
  }
  std::size_t index = 0;
  if (!read_word(errors, entry, words, index)) return;
  draft.pool.sharding.hash = static_cast<HashKind>(index);
}

void read_hash_tag(ErrorList& errors, const Entry& entry, PoolDraft& draft) {
  const Node& value = entry.value;
  const bool is_good =
      value.is(Node::Kind::string) && (value.text.empty() || value.text.size() == 2);
  if (!is_good) {
    errors.add(value.position,
               fmt::format("key \"hash_tag\" must be a string of two bytes, the opening and the "
                           "closing one, such as \"{{}}\", or empty, not {}",
                           value.is(Node::Kind::string) ? shown(value.text)
                                                        : std::string(describe(value.kind))));
    return;
  }
  draft.pool.sharding.hash_tag = value.text;
}

void read_on_failure(ErrorList& errors, const Entry& entry, PoolDraft& draft) {
  constexpr std::string_view kWords[] = {"rehash", "error", "miss"};
  std::size_t index = 0;
  if (read_word(errors, entry, kWords, index))
    draft.pool.on_failure = static_cast<OnFailure>(index);
}

// A row for a key that is a number, a boolean, a size or a secret and nothing else.
template <u32 PoolConfig::*kField, u64 kMin, u64 kMax>
constexpr auto kNumber = [](ErrorList& errors, const Entry& entry, PoolDraft& draft) {
  read_number(errors, entry, {kMin, kMax, ""}, draft.pool.*kField);
};
template <u32 PoolConfig::*kField, u64 kMin>
constexpr auto kDuration = [](ErrorList& errors, const Entry& entry, PoolDraft& draft) {
  read_number(errors, entry, {kMin, kMilliseconds.max, kMilliseconds.unit}, draft.pool.*kField);
};
template <bool PoolConfig::*kField>
constexpr auto kBool = [](ErrorList& errors, const Entry& entry, PoolDraft& draft) {
  read_bool(errors, entry, draft.pool.*kField);
};
template <u64 PoolConfig::*kField, const NumberRange& kRange>
constexpr auto kSize = [](ErrorList& errors, const Entry& entry, PoolDraft& draft) {
  read_size(errors, entry, kRange, draft.pool.*kField);
};
template <std::string PoolConfig::*kField>
constexpr auto kSecret = [](ErrorList& errors, const Entry& entry, PoolDraft& draft) {
  read_secret(errors, entry, kPassword, draft.pool.*kField);
};

constexpr KeySpec<PoolDraft> kPoolKeys[] = {
    {"name",
     [](ErrorList& errors, const Entry& entry, PoolDraft& draft) {
       read_text(errors, entry, kName, draft.pool.name);
       draft.name = entry.value.position;
     }},
    {"protocol", read_protocol},
    {"listen", read_listen},
    {"distribution", read_distribution},
    {"hash", read_hash},
    {"hash_tag", read_hash_tag},
    {"servers", read_servers},
    {"timeout_ms", kDuration<&PoolConfig::timeout_ms, 0>},
    {"stall_timeout_ms", kDuration<&PoolConfig::stall_timeout_ms, 0>},
    {"connect_timeout_ms", kDuration<&PoolConfig::connect_timeout_ms, 1>},
    {"server_connections", kNumber<&PoolConfig::server_connections, 1, 1024>},
    {"preconnect", kBool<&PoolConfig::preconnect>},
    {"auto_eject_hosts", kBool<&PoolConfig::auto_eject_hosts>},
    {"on_failure", read_on_failure},
    {"server_failure_limit", kNumber<&PoolConfig::server_failure_limit, 0, kCountMax>},
    {"server_retry_timeout_ms", kDuration<&PoolConfig::server_retry_timeout_ms, 0>},
    {"client_connections", kNumber<&PoolConfig::client_connections, 0, kCountMax>},
    {"max_request_size", kSize<&PoolConfig::max_request_size, kRequestSize>},
    {"client_output_limit", kSize<&PoolConfig::client_output_limit, kOutputLimit>},
    {"server_pending_limit", kNumber<&PoolConfig::server_pending_limit, 1024, kCountMax>},
    {"server_output_limit", kSize<&PoolConfig::server_output_limit, kServerOutputLimit>},
    {"client_idle_timeout_ms", kDuration<&PoolConfig::client_idle_timeout_ms, 0>},
    {"backlog", kNumber<&PoolConfig::backlog, 1, 65535>},
    {"tcp_keepalive", kBool<&PoolConfig::tcp_keepalive>},
    {"password", kSecret<&PoolConfig::password>},
    {"client_password", kSecret<&PoolConfig::client_password>},
    {"database", kNumber<&PoolConfig::database, 0, kCountMax>},
    {"fold_gets", kBool<&PoolConfig::fold_gets>},
    {"miss_on_error", kBool<&PoolConfig::miss_on_error>},
};

// Keys that mean something in one protocol only; set to anything in a pool of the other they would
// be ignored.
struct ProtocolKey {
  std::string_view name;
  Protocol protocol;
  bool (*is_set)(const PoolConfig& pool);
};
constexpr ProtocolKey kProtocolKeys[] = {
    {"password", Protocol::redis, [](const PoolConfig& pool) { return !pool.password.empty(); }},
    {"client_password", Protocol::redis,
     [](const PoolConfig& pool) { return !pool.client_password.empty(); }},
    {"database", Protocol::redis, [](const PoolConfig& pool) { return pool.database != 0; }},
    {"fold_gets", Protocol::memcached, [](const PoolConfig& pool) { return !pool.fold_gets; }},
    {"on_failure", Protocol::memcached,
     [](const PoolConfig& pool) { return pool.on_failure == OnFailure::miss; }},
    {"miss_on_error", Protocol::memcached,
     [](const PoolConfig& pool) { return pool.miss_on_error; }},
};
constexpr std::string_view kProtocolNames[] = {"redis", "memcached"};

void check_protocol_keys(ErrorList& errors, const Node& table, const PoolConfig& pool) {
  for (const Entry& entry : table.entries) {
    for (const ProtocolKey& key : kProtocolKeys) {
      if (entry.key != key.name || key.protocol == pool.protocol || !key.is_set(pool)) continue;
      errors.add(entry.position,
                 fmt::format("key \"{}\" is only for pools with protocol = \"{}\"", key.name,
                             kProtocolNames[static_cast<std::size_t>(key.protocol)]));
    }
  }
}

// Keys that contradict each other or need another one to mean anything.
void check_related_keys(ErrorList& errors, const Node& table, const PoolConfig& pool) {
  for (const Entry& entry : table.entries) {
    if (entry.key == "on_failure" && pool.on_failure != OnFailure::rehash &&
        !pool.auto_eject_hosts) {
      errors.add(entry.position,
                 "key \"on_failure\" matters with auto_eject_hosts = true only; set that too");
    }
    if (entry.key == "stall_timeout_ms" && pool.stall_timeout_ms != 0 &&
        pool.stall_timeout_ms < pool.timeout_ms) {
      errors.add(entry.value.position,
                 fmt::format("key \"stall_timeout_ms\" must not be less than timeout_ms ({})",
                             pool.timeout_ms));
    }
  }
}

struct RequiredKey {
  std::string_view name;
  std::string_view example;
};
constexpr RequiredKey kRequiredPoolKeys[] = {
    {"name", "name = \"sessions\""},
    {"listen", "listen = \"127.0.0.1:22121\""},
    {"servers", "servers = [\"127.0.0.1:6379:1 alpha\"]"},
};

void read_pool(ErrorList& errors, const Node& table, ConfigDraft& draft) {
  PoolDraft pool;
  pool.table = table.position;
  pool.name = table.position;
  read_table(errors, table, kPoolKeys, "[[pool]]", pool);
  check_protocol_keys(errors, table, pool.pool);
  check_related_keys(errors, table, pool.pool);
  for (const RequiredKey& required : kRequiredPoolKeys) {
    if (has_key(table, required.name)) continue;
    errors.add(table.position,
               fmt::format("key \"{}\" is missing in this [[pool]]; write for example {}",
                           required.name, required.example));
  }
  draft.pools.push_back(std::move(pool));
}

// The file itself

constexpr std::string_view kNoPool =
    "no [[pool]] in the file; at least one with name, listen and servers is needed";

constexpr KeySpec<ConfigDraft> kFileKeys[] = {
    {"proxy",
     [](ErrorList& errors, const Entry& entry, ConfigDraft& draft) {
       if (!expect(errors, entry, Node::Kind::table, "[proxy]")) return;
       read_table(errors, entry.value, kProxyKeys, "[proxy]", draft.config);
     }},
    {"admin",
     [](ErrorList& errors, const Entry& entry, ConfigDraft& draft) {
       if (!expect(errors, entry, Node::Kind::table, "[admin]")) return;
       read_table(errors, entry.value, kAdminKeys, "[admin]", draft);
     }},
    {"pool",
     [](ErrorList& errors, const Entry& entry, ConfigDraft& draft) {
       if (!expect(errors, entry, Node::Kind::array, "[[pool]]")) return;
       if (entry.value.items.empty()) errors.add(entry.position, std::string(kNoPool));
       for (const Node& item : entry.value.items) {
         if (item.is(Node::Kind::table)) {
           read_pool(errors, item, draft);
         } else {
           errors.add(item.position, fmt::format("a pool must be a table, not {}; write [[pool]]",
                                                 describe(item.kind)));
         }
       }
     }},
};

// A key of another section is meant only when it is spelt nearly so.
constexpr std::size_t kElsewhereDistanceMax = 2;

template <class T, std::size_t kCount>
void improve(std::string_view word, const KeySpec<T> (&keys)[kCount], std::string_view section,
             Elsewhere& best) {
  for (const KeySpec<T>& row : keys) {
    const std::size_t distance = edit_distance(word, row.name);
    if (distance > kElsewhereDistanceMax) continue;
    if (best.key.empty() || distance < edit_distance(word, best.key)) best = {row.name, section};
  }
}

Elsewhere find_elsewhere(std::string_view word) {
  Elsewhere best;
  improve(word, kFileKeys, "the file's top level", best);
  improve(word, kProxyKeys, "[proxy]", best);
  improve(word, kPoolKeys, "[[pool]]", best);
  improve(word, kServerKeys, "a server's table", best);
  return best;
}

}  // namespace

void read_document(ErrorList& errors, const Node& document, ConfigDraft& draft) {
  read_table(errors, document, kFileKeys, "the file", draft);
  if (!has_key(document, "pool")) errors.add({}, std::string(kNoPool));
}

}  // namespace ringfold
