#include "app/migrate/translate.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "app/endpoint.h"
#include "app/migrate/toml_writer.h"

namespace ringfold {
namespace {

// How long Linux tries to connect with its default of net.ipv4.tcp_syn_retries (tcp(7)).
constexpr u32 kKernelConnectMs = 127000;
// The ends of ringfold's key backlog.
constexpr u32 kBacklogMin = 1;
constexpr u32 kBacklogMax = 65535;

// What a key of a pool is written with.
class PoolWriter {
 public:
  PoolWriter(const NutcrackerPool& pool, TomlWriter& out) : pool_(pool), out_(out) {}

  void write();

 private:
  struct KeyRow {
    std::string_view name;
    void (PoolWriter::*write)();
  };
  static const KeyRow kKeys[];

  void write_key(const NutcrackerKey& key);
  void write_absent_keys();

  void listen();
  void hash();
  void hash_tag();
  void distribution();
  void timeout();
  void backlog();
  void client_connections();
  void redis();
  void redis_auth();
  void redis_db();
  void tcpkeepalive();
  void preconnect();
  void auto_eject_hosts();
  void server_connections();
  void server_retry_timeout();
  void server_failure_limit();
  void servers();

  void write_server(const NutcrackerServer& server);

  // The line that stands for the key under way, with that key's comments.
  template <class... Arguments>
  void put(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    const std::string text = fmt::format(format, std::forward<Arguments>(arguments)...);
    if (is_given_) {
      out_.commented(text, position_);
    } else {
      out_.line(text, position_);
    }
  }
  // One more line for the same key.
  template <class... Arguments>
  void put_more(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    out_.line(fmt::format(format, std::forward<Arguments>(arguments)...), position_);
  }
  void warn(std::string_view text) {
    out_.warn(position_, fmt::format("pool {}: {}: {}", shown(pool_.name), key_, text));
  }

  const NutcrackerPool& pool_;
  TomlWriter& out_;
  // The key under way; of one that is not given the place is the pool's.
  std::string_view key_;
  Position position_;
  bool is_given_ = false;
};

const PoolWriter::KeyRow PoolWriter::kKeys[] = {
    {"listen", &PoolWriter::listen},
    {"hash", &PoolWriter::hash},
    {"hash_tag", &PoolWriter::hash_tag},
    {"distribution", &PoolWriter::distribution},
    {"timeout", &PoolWriter::timeout},
    {"backlog", &PoolWriter::backlog},
    {"client_connections", &PoolWriter::client_connections},
    {"redis", &PoolWriter::redis},
    {"redis_auth", &PoolWriter::redis_auth},
    {"redis_db", &PoolWriter::redis_db},
    {"tcpkeepalive", &PoolWriter::tcpkeepalive},
    {"preconnect", &PoolWriter::preconnect},
    {"auto_eject_hosts", &PoolWriter::auto_eject_hosts},
    {"server_connections", &PoolWriter::server_connections},
    {"server_retry_timeout", &PoolWriter::server_retry_timeout},
    {"server_failure_limit", &PoolWriter::server_failure_limit},
    {"servers", &PoolWriter::servers},
};

// Those whose default is another in ringfold, or whose absence is worth a warning.
constexpr std::string_view kWrittenWhenAbsent[] = {"redis", "timeout", "backlog", "tcpkeepalive",
                                                   "preconnect"};

void PoolWriter::write() {
  out_.commented("[[pool]]", pool_.position);
  out_.line(fmt::format("name = {}", toml_string(pool_.name)), pool_.position);
  for (const NutcrackerKey& key : pool_.keys) write_key(key);
  write_absent_keys();
}

void PoolWriter::write_key(const NutcrackerKey& key) {
  const auto* const row = std::ranges::find(kKeys, std::string_view(key.name), &KeyRow::name);
  if (row == std::end(kKeys)) return;  // the reader has refused it
  key_ = row->name;
  position_ = key.position;
  is_given_ = true;
  (this->*row->write)();
}

void PoolWriter::write_absent_keys() {
  bool is_first = true;
  for (const KeyRow& row : kKeys) {
    if (pool_.has(row.name)) continue;
    if (std::ranges::find(kWrittenWhenAbsent, row.name) == std::end(kWrittenWhenAbsent)) continue;
    key_ = row.name;
    position_ = pool_.position;
    is_given_ = false;
    if (std::exchange(is_first, false)) {
      out_.line("# Not in the file of twemproxy, whose defaults these are:", position_);
    }
    (this->*row.write)();
  }
}

void PoolWriter::listen() {
  Endpoint endpoint = pool_.listen.endpoint;
  if (endpoint.host == "*") {
    endpoint.host = "::1";
    warn(
        "twemproxy binds \"*\" to the loopback address [::1] alone, which is written out; for all "
        "addresses write \"0.0.0.0\" or \"[::]\"");
  }
  if (!pool_.listen.permission.empty()) {
    warn(
        fmt::format("ringfold has no key for the permission {} of a unix socket; its umask decides "
                    "(systemd: UMask=)",
                    pool_.listen.permission));
  }
  put("listen = {}", toml_string(to_string(endpoint)));
}

void PoolWriter::hash() {
  put("hash = \"{}\"", to_string(pool_.sharding.hash));
}

void PoolWriter::hash_tag() {
  put("hash_tag = {}", toml_string(pool_.sharding.hash_tag));
}

void PoolWriter::distribution() {
  put("distribution = \"{}\"", to_string(pool_.sharding.distribution));
}

void PoolWriter::timeout() {
  put("timeout_ms = {}", pool_.timeout);
  if (pool_.timeout == 0) {
    put_more("connect_timeout_ms = {}", kKernelConnectMs);
    warn(
        fmt::format("without it twemproxy lets requests wait for ever, and connects as long as "
                    "the kernel tries; connect_timeout_ms = {} keeps that, but ringfold's own 200 "
                    "finds a dead server sooner",
                    kKernelConnectMs));
    return;
  }
  put_more("connect_timeout_ms = {}", pool_.timeout);
  warn(
      "a request that times out costs twemproxy the connection to the server, and everybody's "
      "requests on it; ringfold drops the late reply and keeps the connection until "
      "stall_timeout_ms, four times as long by default and at least a second");
}

void PoolWriter::backlog() {
  const u32 backlog = std::clamp(pool_.backlog, kBacklogMin, kBacklogMax);
  put("backlog = {}", backlog);
  if (backlog != pool_.backlog) {
    warn(fmt::format("ringfold takes {} to {}", kBacklogMin, kBacklogMax));
  }
}

void PoolWriter::client_connections() {
  put("client_connections = {}", pool_.client_connections);
  if (pool_.client_connections == 0) return;
  warn(
      fmt::format("had no effect in twemproxy and is obeyed by ringfold: no more than {} clients "
                  "at once; 0 is no limit",
                  pool_.client_connections));
}

void PoolWriter::redis() {
  put("protocol = \"{}\"", pool_.redis ? "redis" : "memcached");
  if (is_given_) return;
  warn(
      "not given, which means memcached in twemproxy and Redis in ringfold; protocol = "
      "\"memcached\" is written out");
}

// Clients have to give it too, as in twemproxy.
void PoolWriter::redis_auth() {
  put("password = {}", toml_string(pool_.redis_auth));
  put_more("client_password = {}", toml_string(pool_.redis_auth));
}

// Where twemproxy really has put the keys: it sends SELECT before AUTH, so that Redis refuses it,
// and not at all through a unix socket; in both cases it goes on in database 0.
void PoolWriter::redis_db() {
  const u32 database = pool_.redis_db;
  const auto unix_count = static_cast<std::size_t>(std::ranges::count_if(
      pool_.servers, [](const NutcrackerServer& server) { return server.endpoint.is_unix(); }));
  if (!pool_.redis) {
    put("# redis_db: {} (twemproxy ignores it in a memcached pool)", database);
    if (database != 0) warn("twemproxy ignores it in a memcached pool; left out");
    return;
  }
  const bool is_zero = !pool_.redis_auth.empty() || unix_count == pool_.servers.size();
  put("database = {}", is_zero ? 0 : database);
  if (database == 0) return;
  if (!pool_.redis_auth.empty()) {
    warn(
        fmt::format("with redis_auth twemproxy selects before it has authenticated, is refused and "
                    "works in database 0; database = 0 keeps the keys where they are, {} would be "
                    "obeyed",
                    database));
  } else if (is_zero) {
    warn(
        fmt::format("twemproxy selects no database through unix sockets and works in database 0; "
                    "database = 0 keeps the keys where they are, {} would be obeyed",
                    database));
  } else if (unix_count > 0) {
    warn(
        fmt::format("twemproxy selects no database through unix sockets: the keys of {} of the {} "
                    "servers are in its database 0, but ringfold looks for them in {}; move them, "
                    "or put these servers into a pool of their own",
                    unix_count, pool_.servers.size(), database));
  }
}

void PoolWriter::tcpkeepalive() {
  put("tcp_keepalive = {}", pool_.tcpkeepalive);
  if (!pool_.tcpkeepalive) return;
  warn("twemproxy sets it on the connections of clients only, ringfold on those to servers too");
}

void PoolWriter::preconnect() {
  put("preconnect = {}", pool_.preconnect);
}

void PoolWriter::auto_eject_hosts() {
  put("auto_eject_hosts = {}", pool_.auto_eject_hosts);
  if (!pool_.auto_eject_hosts) return;
  warn(
      "twemproxy counts every connection that closes as a failure and takes a server back "
      "untested after server_retry_timeout; ringfold does not count the close of an idle "
      "connection, and takes a server back when it answers a probe");
}

void PoolWriter::server_connections() {
  put("server_connections = {}", pool_.server_connections);
}

void PoolWriter::server_retry_timeout() {
  put("server_retry_timeout_ms = {}", pool_.server_retry_timeout);
}

void PoolWriter::server_failure_limit() {
  put("server_failure_limit = {}", pool_.server_failure_limit);
}

void PoolWriter::servers() {
  out_.commented("servers = [", position_);
  for (const NutcrackerServer& server : pool_.servers) write_server(server);
  out_.line("]", position_);
}

void PoolWriter::write_server(const NutcrackerServer& server) {
  position_ = server.position;
  std::string line = server.line;
  // Where ringfold would call an unnamed server otherwise, the name keeps its place in the ring.
  const auto understood = parse_server_line(line);
  if (understood && understood->name != server.ring_name) {
    line.append(" ").append(server.ring_name);
    warn(fmt::format("twemproxy's name {} for {}, by which its keys are found, is written out",
                     shown(server.ring_name), shown(server.line)));
  }
  out_.commented(toml_string(line) + ",", position_, 2);
}

}  // namespace

Translation translate(const std::vector<NutcrackerPool>& pools, const Comments& comments) {
  TomlWriter out(comments);
  bool is_first = true;
  for (const NutcrackerPool& pool : pools) {
    if (!std::exchange(is_first, false)) out.blank_line();
    PoolWriter(pool, out).write();
  }
  out.at_end();
  Translation translation = out.take();
  std::ranges::stable_sort(translation.warnings, {}, &Warning::position);
  return translation;
}

}  // namespace ringfold
