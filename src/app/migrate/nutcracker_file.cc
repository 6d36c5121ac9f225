#include "app/migrate/nutcracker_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <set>
#include <span>

#include "app/config_values.h"
#include "app/endpoint.h"
#include "app/migrate/yaml_document.h"

namespace ringfold {
namespace {

// Where twemproxy's 32-bit signed numbers end; larger ones it lets wrap, silently.
constexpr u64 kNumberMax = 2147483647;

struct KeySpec {
  std::string_view name;
  void (*read)(ErrorList& errors, const Entry& entry, NutcrackerPool& pool);
};

template <u32 NutcrackerPool::*kField, u32 kMin = 0>
constexpr auto kNumber = [](ErrorList& errors, const Entry& entry, NutcrackerPool& pool) {
  const std::string& text = entry.value.text;
  u64 value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const bool is_number = error == std::errc() && stop == end && text.front() != '-';
  if (!is_number || value < kMin || value > kNumberMax) {
    errors.add(entry.value.position,
               fmt::format("key \"{}\" must be a number from {} to {}, digits only, not {}",
                           entry.key, kMin, kNumberMax, shown(text)));
    return;
  }
  pool.*kField = static_cast<u32>(value);
};

template <bool NutcrackerPool::*kField>
constexpr auto kBool = [](ErrorList& errors, const Entry& entry, NutcrackerPool& pool) {
  constexpr std::string_view kWords[] = {"true", "false"};
  std::size_t index = 0;
  if (read_word(errors, entry, kWords, index)) pool.*kField = index == 0;
};

void read_listen(ErrorList& errors, const Entry& entry, NutcrackerPool& pool) {
  auto listen = parse_nutcracker_listen(entry.value.text);
  if (listen) {
    pool.listen = std::move(*listen);
  } else {
    errors.add(entry.value.position,
               fmt::format("key \"listen\": {}; right are \"host:port\" and \"/path 0660\", the "
                           "permission may be absent",
                           listen.error().text));
  }
}

void read_hash(ErrorList& errors, const Entry& entry, NutcrackerPool& pool) {
  std::vector<std::string_view> words;
  for (u8 kind = 0; kind <= static_cast<u8>(HashKind::jenkins); ++kind) {
    words.push_back(to_string(static_cast<HashKind>(kind)));
  }
  std::size_t index = 0;
  if (read_word(errors, entry, words, index)) pool.sharding.hash = static_cast<HashKind>(index);
}

void read_distribution(ErrorList& errors, const Entry& entry, NutcrackerPool& pool) {
  constexpr std::string_view kWords[] = {"ketama", "modula", "random"};
  std::size_t index = 0;
  if (!read_word(errors, entry, kWords, index)) return;
  pool.sharding.distribution = static_cast<Distribution>(index);
}

void read_hash_tag(ErrorList& errors, const Entry& entry, NutcrackerPool& pool) {
  if (entry.value.text.size() == 2) {
    pool.sharding.hash_tag = entry.value.text;
  } else {
    errors.add(entry.value.position,
               fmt::format("key \"hash_tag\" must have two bytes, such as \"{{}}\", not {}",
                           shown(entry.value.text)));
  }
}

constexpr KeySpec kKeys[] = {
    {"listen", read_listen},
    {"hash", read_hash},
    {"hash_tag", read_hash_tag},
    {"distribution", read_distribution},
    {"timeout", kNumber<&NutcrackerPool::timeout>},
    {"backlog", kNumber<&NutcrackerPool::backlog>},
    {"client_connections", kNumber<&NutcrackerPool::client_connections>},
    {"redis", kBool<&NutcrackerPool::redis>},
    {"redis_auth", [](ErrorList&, const Entry& entry,
                      NutcrackerPool& pool) { pool.redis_auth = entry.value.text; }},
    {"redis_db", kNumber<&NutcrackerPool::redis_db>},
    {"tcpkeepalive", kBool<&NutcrackerPool::tcpkeepalive>},
    {"preconnect", kBool<&NutcrackerPool::preconnect>},
    {"auto_eject_hosts", kBool<&NutcrackerPool::auto_eject_hosts>},
    {"server_connections", kNumber<&NutcrackerPool::server_connections, 1>},
    {"server_retry_timeout", kNumber<&NutcrackerPool::server_retry_timeout>},
    {"server_failure_limit", kNumber<&NutcrackerPool::server_failure_limit>},
};
constexpr std::string_view kServers = "servers";

void add_unknown_key(ErrorList& errors, const Entry& entry) {
  std::vector<std::string_view> words{kServers};
  for (const KeySpec& spec : kKeys) words.push_back(spec.name);
  errors.add(entry.position, fmt::format("unknown key {}; the nearest that twemproxy 0.5.0 knows "
                                         "is \"{}\"",
                                         shown(entry.key), nearest_word(entry.key, words)));
}

void read_servers(ErrorList& errors, const Entry& entry, NutcrackerPool& pool) {
  if (!entry.value.is(Node::Kind::array) || entry.value.items.empty()) {
    errors.add(entry.position,
               "key \"servers\" must be a list, with a server in each line that "
               "begins with \"- \"");
    return;
  }
  std::map<std::string, Position> seen;
  for (const Node& item : entry.value.items) {
    if (!item.is(Node::Kind::string)) {
      errors.add(item.position, "a server must be one line such as \"127.0.0.1:6379:1 alpha\"");
      continue;
    }
    auto server = parse_nutcracker_server(item.text);
    if (!server) {
      errors.add(item.position,
                 fmt::format("server {}: {}; right are \"host:port:weight name\" and "
                             "\"/path:weight name\", the name may be absent",
                             shown(item.text), server.error().text));
      continue;
    }
    server->position = item.position;
    const auto [first, is_new] = seen.emplace(server->ring_name, item.position);
    if (!is_new) {
      errors.add(item.position, fmt::format("server name {} is taken by the server in line {}",
                                            shown(server->ring_name), first->second.line));
    }
    pool.servers.push_back(std::move(*server));
  }
}

void read_key(ErrorList& errors, const Entry& entry, NutcrackerPool& pool) {
  if (entry.key == kServers) return read_servers(errors, entry, pool);
  const auto* const spec = std::ranges::find(kKeys, std::string_view(entry.key), &KeySpec::name);
  if (spec == std::end(kKeys)) return add_unknown_key(errors, entry);
  if (!entry.value.is(Node::Kind::string)) {
    errors.add(entry.position, fmt::format("key \"{}\" must be one value, not a list", entry.key));
  } else if (entry.value.text.empty()) {
    errors.add(entry.position, fmt::format("key \"{}\" has no value", entry.key));
  } else {
    spec->read(errors, entry, pool);
  }
}

NutcrackerPool read_pool(ErrorList& errors, const Entry& entry) {
  NutcrackerPool pool;
  pool.name = entry.key;
  pool.position = entry.position;
  std::set<std::string_view> seen;
  for (const Entry& key : entry.value.entries) {
    if (!seen.insert(key.key).second) {
      errors.add(key.position, fmt::format("key {} is given twice", shown(key.key)));
    }
    read_key(errors, key, pool);
    pool.keys.push_back({key.key, key.position, key.value.text});
  }
  if (entry.key.empty()) errors.add(entry.position, "the name of the pool is empty");
  for (const std::string_view required : {std::string_view("listen"), kServers}) {
    if (pool.has(required)) continue;
    errors.add(entry.position,
               fmt::format("key \"{}\" is missing in pool {}", required, shown(entry.key)));
  }
  if (!pool.redis && pool.has("redis_auth")) {
    errors.add(std::ranges::find(pool.keys, "redis_auth", &NutcrackerKey::name)->position,
               "key \"redis_auth\" is only for pools with redis: true");
  }
  return pool;
}

// What may stand once in a file.
void check_across_pools(ErrorList& errors, const std::vector<NutcrackerPool>& pools) {
  std::map<std::string, Position> names;
  std::map<std::string, Position> places;
  for (const NutcrackerPool& pool : pools) {
    const auto [name, is_new_name] = names.emplace(pool.name, pool.position);
    if (!is_new_name) {
      errors.add(pool.position, fmt::format("pool name {} is taken by the pool in line {}",
                                            shown(pool.name), name->second.line));
    }
    const auto key = std::ranges::find(pool.keys, "listen", &NutcrackerKey::name);
    if (key == pool.keys.end()) continue;
    const auto [place, is_new] = places.emplace(to_string(pool.listen.endpoint), key->position);
    if (is_new) continue;
    errors.add(key->position, fmt::format("{} is already listened on, see line {}",
                                          shown(key->text), place->second.line));
  }
}

}  // namespace

bool NutcrackerPool::has(std::string_view key) const {
  return std::ranges::find(keys, key, &NutcrackerKey::name) != keys.end();
}

tl::expected<std::vector<NutcrackerPool>, std::vector<ConfigError>> read_nutcracker_file(
    std::string_view text, const std::string& file_name) {
  const auto document = parse_yaml(text, file_name);
  if (!document) return tl::unexpected(std::vector{document.error()});
  ErrorList errors(file_name);
  std::vector<NutcrackerPool> pools;
  for (const Entry& entry : document->entries) {
    if (entry.value.is(Node::Kind::table)) {
      pools.push_back(read_pool(errors, entry));
    } else {
      errors.add(entry.position,
                 fmt::format("pool {} must have keys, indented below its name", shown(entry.key)));
    }
  }
  if (errors.empty() && pools.empty()) {
    errors.add({}, "no pool in the file; right is a name with keys indented below it");
  }
  if (errors.empty()) check_across_pools(errors, pools);
  if (!errors.empty()) return tl::unexpected(errors.take());
  return pools;
}

}  // namespace ringfold
