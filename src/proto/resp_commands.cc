// The RESP command table, one row a command, and what must hold for every row. It is long because
// it is a table: it has a row for each command and subcommand of Redis 7.0 and for the two
// subcommands of CLIENT that newer client libraries send when they connect (SETINFO, NO-TOUCH,
// Redis 7.2). tools/commands_check.py compares it with a live server.
#include <iterator>

#include "proto/command_index.h"
#include "proto/command_rows.h"
#include "ringfold/proto/command.h"

namespace ringfold::resp {

namespace {

using namespace rows;
using enum Refusal;

// Flags that several rows have in common.
constexpr u32 kAlways = kNoscript | kLoading | kStale;
constexpr u32 kControl = kAlways | kAdmin;
constexpr u32 kSession = kAlways | kFast | kNoAuth | kAllowBusy;
constexpr u32 kTransaction = kAlways | kFast | kAllowBusy;
constexpr u32 kSubscribe = kAlways | kPubsub;
constexpr u32 kSnapshot = kAdmin | kNoscript | kNoAsyncLoading;
constexpr u32 kScript = kNoscript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys;
constexpr u32 kBlockingMove = kWrite | kDenyOom | kNoscript | kBlocking;
constexpr u32 kBlockingPop = kWrite | kNoscript | kBlocking;

}  // namespace

// clang-format off
constexpr CommandSpec kCommandRows[] = {
    container("acl", -2),
    refused(administration, "acl|cat",                   -2, kAlways),
    refused(administration, "acl|deluser",               -3, kControl),
    refused(administration, "acl|dryrun",                -4, kControl),
    refused(administration, "acl|genpass",               -2, kAlways),
    refused(administration, "acl|getuser",                3, kControl),
    any_server("acl|help",        2, kLoading | kStale),
    refused(administration, "acl|list",                   2, kControl),
    refused(administration, "acl|load",                   2, kControl),
    refused(administration, "acl|log",                   -2, kControl),
    refused(administration, "acl|save",                   2, kControl),
    refused(administration, "acl|setuser",               -3, kControl),
    refused(administration, "acl|users",                  2, kControl),
    refused(administration, "acl|whoami",                 2, kAlways),
    keyed("append",                3, 1,  1, 1, kWrite | kDenyOom | kFast),
    refused(cluster,        "asking",                     1, kFast),
    local("auth",               -2, LocalCommand::auth, kSession),
    refused(administration, "bgrewriteaof",               1, kSnapshot),
    refused(administration, "bgsave",                    -1, kSnapshot),
    keyed("bitcount",             -2, 1,  1, 1, kReadonly),
    keyed("bitfield",             -2, 1,  1, 1, kWrite | kDenyOom),
    keyed("bitfield_ro",          -2, 1,  1, 1, kReadonly | kFast),
    keyed("bitop",                -4, 2, -1, 1, kWrite | kDenyOom),
    keyed("bitpos",               -3, 1,  1, 1, kReadonly),
    refused(blocking, keyed("blmove",            6, 1,  2, 1, kBlockingMove)),
    refused(blocking, counted("blmpop",           -5, 2, kWrite | kBlocking | kMovableKeys)),
    refused(blocking, keyed("blpop",            -3, 1, -2, 1, kBlockingPop)),
    refused(blocking, keyed("brpop",            -3, 1, -2, 1, kBlockingPop)),
    refused(blocking, keyed("brpoplpush",        4, 1,  2, 1, kBlockingMove)),
    refused(blocking, counted("bzmpop",           -5, 2, kWrite | kBlocking | kMovableKeys)),
    refused(blocking, keyed("bzpopmax",         -3, 1, -2, 1, kBlockingPop | kFast)),
    refused(blocking, keyed("bzpopmin",         -3, 1, -2, 1, kBlockingPop | kFast)),
    container("client", -2),
    refused(unsupported,    "client|caching",             3, kAlways),
    local("client|getname",      2, LocalCommand::client_getname, kAlways),
    refused(unsupported,    "client|getredir",            2, kAlways),
    local("client|help",         2, LocalCommand::client_help, kLoading | kStale),
    local("client|id",           2, LocalCommand::client_id, kAlways),
    local("client|info",         2, LocalCommand::client_info, kAlways),
    refused(administration, "client|kill",               -3, kControl),
    refused(administration, "client|list",               -2, kControl),
    local("client|no-evict",     3, LocalCommand::client_no_evict, kControl),
    local("client|no-touch",     3, LocalCommand::client_no_touch, kAlways),
    refused(administration, "client|pause",              -3, kControl),
    local("client|reply",        3, LocalCommand::client_reply, kAlways),
    local("client|setinfo",      4, LocalCommand::client_setinfo, kAlways),
    local("client|setname",      3, LocalCommand::client_setname, kAlways),
    refused(unsupported,    "client|tracking",           -3, kAlways),
    refused(unsupported,    "client|trackinginfo",        2, kAlways),
    refused(administration, "client|unblock",            -3, kControl),
    refused(administration, "client|unpause",             2, kControl),
    container("cluster", -2),
    refused(cluster,        "cluster|addslots",          -3, kAdmin | kStale | kNoAsyncLoading),
    refused(cluster,        "cluster|addslotsrange",     -4, kAdmin | kStale | kNoAsyncLoading),
    refused(cluster,        "cluster|bumpepoch",          2, kAdmin | kStale | kNoAsyncLoading),
    refused(cluster,        "cluster|count-failure-reports",  3, kAdmin | kStale),
    refused(cluster,        "cluster|countkeysinslot",    3, kStale),
    refused(cluster,        "cluster|delslots",          -3, kAdmin | kStale | kNoAsyncLoading),
    refused(cluster,        "cluster|delslotsrange",     -4, kAdmin | kStale | kNoAsyncLoading),
    refused(cluster,        "cluster|failover",          -2, kAdmin | kStale | kNoAsyncLoading),
    refused(cluster,        "cluster|flushslots",         2, kAdmin | kStale | kNoAsyncLoading),
    refused(cluster,        "cluster|forget",             3, kAdmin | kStale | kNoAsyncLoading),
    refused(cluster,        "cluster|getkeysinslot",      4, kStale),
    refused(cluster,        "cluster|help",               2, kLoading | kStale),
    refused(cluster,        "cluster|info",               2, kStale),
    refused(cluster,        "cluster|keyslot",            3, kStale),
    refused(cluster,        "cluster|links",              2, kStale),
    refused(cluster,        "cluster|meet",              -4, kAdmin | kStale | kNoAsyncLoading),
    refused(cluster,        "cluster|myid",               2, kStale),
    refused(cluster,        "cluster|nodes",              2, kStale),
    refused(cluster,        "cluster|replicas",           3, kAdmin | kStale),
    refused(cluster,        "cluster|replicate",          3, kAdmin | kStale | kNoAsyncLoading),
    refused(cluster,        "cluster|reset",             -2, kAdmin | kNoscript | kStale),
    refused(cluster,        "cluster|saveconfig",         2, kAdmin | kStale | kNoAsyncLoading),
    refused(cluster,        "cluster|set-config-epoch",   3, kAdmin | kStale | kNoAsyncLoading),
    refused(cluster,        "cluster|setslot",           -4, kAdmin | kStale | kNoAsyncLoading),
    refused(cluster,        "cluster|shards",             2, kStale),
    refused(cluster,        "cluster|slaves",             3, kAdmin | kStale),
    refused(cluster,        "cluster|slots",              2, kStale),
    container("command", -1, kLoading | kStale, LocalCommand::command),
    local("command|count",       2, LocalCommand::command_count, kLoading | kStale),
    local("command|docs",       -2, LocalCommand::command_docs, kLoading | kStale),
    local("command|getkeys",    -4, LocalCommand::command_getkeys, kLoading | kStale),
    refused(unsupported, "command|getkeysandflags",      -4, kLoading | kStale),
    local("command|help",        2, LocalCommand::command_help, kLoading | kStale),
    local("command|info",       -2, LocalCommand::command_info, kLoading | kStale),
    local("command|list",       -2, LocalCommand::command_list, kLoading | kStale),
    container("config", -2),
    refused(administration, "config|get",                -3, kControl),
    any_server("config|help",     2, kLoading | kStale),
    refused(administration, "config|resetstat",           2, kControl),
    refused(administration, "config|rewrite",             2, kControl),
    refused(administration, "config|set",                -4, kControl),
    keyed("copy",                 -3, 1,  2, 1, kWrite | kDenyOom),
    all_servers("dbsize",              1, Merge::sum, kReadonly | kFast),
    refused(administration, "debug",                     -2, kControl),
    keyed("decr",                  2, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("decrby",                3, 1,  1, 1, kWrite | kDenyOom | kFast),
    split("del",                -2, Route::split_keys, 1, Merge::sum, kWrite),
    refused(transaction,    "discard",                    1, kTransaction),
    keyed("dump",                  2, 1,  1, 1, kReadonly),
    local("echo",                2, LocalCommand::echo, kLoading | kStale | kFast),
    counted("eval",               -3, 2, kScript),
    counted("eval_ro",            -3, 2, kReadonly | kScript),
    counted("evalsha",            -3, 2, kScript),
    counted("evalsha_ro",         -3, 2, kReadonly | kScript),
    refused(transaction,    "exec",                       1, kAlways | kSkipSlowlog),
    split("exists",             -2, Route::split_keys, 1, Merge::sum, kReadonly | kFast),
    keyed("expire",               -3, 1,  1, 1, kWrite | kFast),
    keyed("expireat",             -3, 1,  1, 1, kWrite | kFast),
    keyed("expiretime",            2, 1,  1, 1, kReadonly | kFast),
    refused(replication,    "failover",                  -1, kAdmin | kNoscript | kStale),
    counted("fcall",              -3, 2, kScript),
    counted("fcall_ro",           -3, 2, kReadonly | kScript),
    all_servers("flushall",           -1, Merge::all_ok, kWrite),
    all_servers("flushdb",            -1, Merge::all_ok, kWrite),
    container("function", -2),
    refused(unsupported,    "function|delete",            3, kWrite | kNoscript),
    refused(unsupported,    "function|dump",              2, kNoscript),
    refused(unsupported,    "function|flush",            -2, kWrite | kNoscript),
    any_server("function|help",   2, kLoading | kStale),
    refused(unsupported,    "function|kill",              2, kNoscript | kAllowBusy),
    refused(unsupported,    "function|list",             -2, kNoscript),
    refused(unsupported,    "function|load",             -3, kWrite | kDenyOom | kNoscript),
    refused(unsupported,    "function|restore",          -3, kWrite | kDenyOom | kNoscript),
    refused(unsupported,    "function|stats",             2, kNoscript | kAllowBusy),
    keyed("geoadd",               -5, 1,  1, 1, kWrite | kDenyOom),
    keyed("geodist",              -4, 1,  1, 1, kReadonly),
    keyed("geohash",              -2, 1,  1, 1, kReadonly),
    keyed("geopos",               -2, 1,  1, 1, kReadonly),
    store_option("georadius", -6, kWrite | kDenyOom | kMovableKeys),
    keyed("georadius_ro",         -6, 1,  1, 1, kReadonly),
    store_option("georadiusbymember", -5, kWrite | kDenyOom | kMovableKeys),
    keyed("georadiusbymember_ro",  -5, 1,  1, 1, kReadonly),
    keyed("geosearch",            -7, 1,  1, 1, kReadonly),
    keyed("geosearchstore",       -8, 1,  2, 1, kWrite | kDenyOom),
    keyed("get",                   2, 1,  1, 1, kReadonly | kFast),
    keyed("getbit",                3, 1,  1, 1, kReadonly | kFast),
    keyed("getdel",                2, 1,  1, 1, kWrite | kFast),
    keyed("getex",                -2, 1,  1, 1, kWrite | kFast),
    keyed("getrange",              4, 1,  1, 1, kReadonly),
    keyed("getset",                3, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("hdel",                 -3, 1,  1, 1, kWrite | kFast),
    local("hello",              -1, LocalCommand::hello, kSession),
    keyed("hexists",               3, 1,  1, 1, kReadonly | kFast),
    keyed("hget",                  3, 1,  1, 1, kReadonly | kFast),
    keyed("hgetall",               2, 1,  1, 1, kReadonly),
    keyed("hincrby",               4, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("hincrbyfloat",          4, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("hkeys",                 2, 1,  1, 1, kReadonly),
    keyed("hlen",                  2, 1,  1, 1, kReadonly | kFast),
    keyed("hmget",                -3, 1,  1, 1, kReadonly | kFast),
    keyed("hmset",                -4, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("hrandfield",           -2, 1,  1, 1, kReadonly),
    keyed("hscan",                -3, 1,  1, 1, kReadonly),
    keyed("hset",                 -4, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("hsetnx",                4, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("hstrlen",               3, 1,  1, 1, kReadonly | kFast),
    keyed("hvals",                 2, 1,  1, 1, kReadonly),
    keyed("incr",                  2, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("incrby",                3, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("incrbyfloat",           3, 1,  1, 1, kWrite | kDenyOom | kFast),
    local("info",               -1, LocalCommand::info, kLoading | kStale),
    all_servers("keys",                2, Merge::concat_arrays, kReadonly),
    refused(administration, "lastsave",                   1, kLoading | kStale | kFast),
    container("latency", -2),
    refused(administration, "latency|doctor",             2, kControl),
    refused(administration, "latency|graph",              3, kControl),
    any_server("latency|help",    2, kLoading | kStale),
    refused(administration, "latency|histogram",         -2, kControl),
    refused(administration, "latency|history",            3, kControl),
    refused(administration, "latency|latest",             2, kControl),
    refused(administration, "latency|reset",             -2, kControl),
    keyed("lcs",                  -3, 1,  2, 1, kReadonly),
    keyed("lindex",                3, 1,  1, 1, kReadonly),
    keyed("linsert",               5, 1,  1, 1, kWrite | kDenyOom),
    keyed("llen",                  2, 1,  1, 1, kReadonly | kFast),
    keyed("lmove",                 5, 1,  2, 1, kWrite | kDenyOom),
    counted("lmpop",              -4, 1, kWrite | kMovableKeys),
    any_server("lolwut",          -1, kReadonly | kFast),
    keyed("lpop",                 -2, 1,  1, 1, kWrite | kFast),
    keyed("lpos",                 -3, 1,  1, 1, kReadonly),
    keyed("lpush",                -3, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("lpushx",               -3, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("lrange",                4, 1,  1, 1, kReadonly),
    keyed("lrem",                  4, 1,  1, 1, kWrite),
    keyed("lset",                  4, 1,  1, 1, kWrite | kDenyOom),
    keyed("ltrim",                 4, 1,  1, 1, kWrite),
    container("memory", -2),
    refused(administration, "memory|doctor",              2, 0),
    any_server("memory|help",     2, kLoading | kStale),
    refused(administration, "memory|malloc-stats",        2, 0),
    refused(administration, "memory|purge",               2, 0),
    refused(administration, "memory|stats",               2, 0),
    keyed("memory|usage",         -3, 2,  2, 1, kReadonly),
    split("mget",               -2, Route::split_keys, 1, Merge::array_by_key, kReadonly | kFast),
    refused(unsupported, migrating("migrate", -6, kWrite | kMovableKeys)),
    container("module", -2),
    any_server("module|help",     2, kLoading | kStale),
    refused(administration, "module|list",                2, kAdmin | kNoscript),
    refused(administration, "module|load",               -3, kSnapshot),
    refused(administration, "module|loadex",             -3, kSnapshot),
    refused(administration, "module|unload",              3, kSnapshot),
    refused(administration, "monitor",                    1, kControl),
    refused(unsupported, keyed("move",              3, 1,  1, 1, kWrite | kFast)),
    split("mset",               -3, Route::split_pairs, 2, Merge::all_ok, kWrite | kDenyOom),
    keyed("msetnx",               -3, 1, -1, 2, kWrite | kDenyOom),
    refused(transaction,    "multi",                      1, kTransaction),
    container("object", -2),
    keyed("object|encoding",       3, 2,  2, 1, kReadonly),
    keyed("object|freq",           3, 2,  2, 1, kReadonly),
    any_server("object|help",     2, kLoading | kStale),
    keyed("object|idletime",       3, 2,  2, 1, kReadonly),
    keyed("object|refcount",       3, 2,  2, 1, kReadonly),
    keyed("persist",               2, 1,  1, 1, kWrite | kFast),
    keyed("pexpire",              -3, 1,  1, 1, kWrite | kFast),
    keyed("pexpireat",            -3, 1,  1, 1, kWrite | kFast),
    keyed("pexpiretime",           2, 1,  1, 1, kReadonly | kFast),
    keyed("pfadd",                -2, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("pfcount",              -2, 1, -1, 1, kReadonly),
    refused(administration, keyed("pfdebug",           3, 2,  2, 1, kWrite | kDenyOom | kAdmin)),
    keyed("pfmerge",              -2, 1, -1, 1, kWrite | kDenyOom),
    refused(administration, "pfselftest",                 1, kAdmin),
    local("ping",               -1, LocalCommand::ping, kFast),
    keyed("psetex",                4, 1,  1, 1, kWrite | kDenyOom),
    refused(pubsub,         "psubscribe",                -2, kSubscribe),
    refused(replication,    "psync",                     -3, kSnapshot | kNoMulti),
    keyed("pttl",                  2, 1,  1, 1, kReadonly | kFast),
    refused(pubsub,         "publish",                    3, kPubsub | kLoading | kStale | kFast),
    container("pubsub", -2),
    refused(pubsub,         "pubsub|channels",           -2, kPubsub | kLoading | kStale),
    any_server("pubsub|help",     2, kLoading | kStale),
    refused(pubsub,         "pubsub|numpat",              2, kPubsub | kLoading | kStale),
    refused(pubsub,         "pubsub|numsub",             -2, kPubsub | kLoading | kStale),
    refused(pubsub,         "pubsub|shardchannels",      -2, kPubsub | kLoading | kStale),
    refused(pubsub,         "pubsub|shardnumsub",        -2, kPubsub | kLoading | kStale),
    refused(pubsub,         "punsubscribe",              -1, kSubscribe),
    local("quit",               -1, LocalCommand::quit, kSession),
    all_servers("randomkey",           1, Merge::random_key, kReadonly),
    local("readonly",            1, LocalCommand::readonly, kLoading | kStale | kFast),
    local("readwrite",           1, LocalCommand::readwrite, kLoading | kStale | kFast),
    keyed("rename",                3, 1,  2, 1, kWrite),
    keyed("renamenx",              3, 1,  2, 1, kWrite | kFast),
    refused(replication,    "replconf",                  -1, kControl | kAllowBusy),
    refused(replication,    "replicaof",                  3, kSnapshot | kStale),
    local("reset",               1, LocalCommand::reset, kSession),
    keyed("restore",              -4, 1,  1, 1, kWrite | kDenyOom),
    refused(cluster, keyed("restore-asking",   -4, 1,  1, 1, kWrite | kDenyOom | kAsking)),
    refused(replication,    "role",                       1, kAlways | kFast),
    keyed("rpop",                 -2, 1,  1, 1, kWrite | kFast),
    keyed("rpoplpush",             3, 1,  2, 1, kWrite | kDenyOom),
    keyed("rpush",                -3, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("rpushx",               -3, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("sadd",                 -3, 1,  1, 1, kWrite | kDenyOom | kFast),
    refused(administration, "save",                       1, kSnapshot | kNoMulti),
    scan("scan",               -2, kReadonly),
    keyed("scard",                 2, 1,  1, 1, kReadonly | kFast),
    container("script", -2),
    refused(administration, "script|debug",               3, kNoscript),
    all_servers("script|exists",      -3, Merge::all_ones, kNoscript),
    all_servers("script|flush",       -2, Merge::all_ok, kNoscript),
    any_server("script|help",     2, kLoading | kStale),
    refused(unsupported,    "script|kill",                2, kNoscript | kAllowBusy),
    all_servers("script|load",         3, Merge::first_equal, kNoscript | kStale),
    keyed("sdiff",                -2, 1, -1, 1, kReadonly),
    keyed("sdiffstore",           -3, 1, -1, 1, kWrite | kDenyOom),
    local("select",              2, LocalCommand::select, kLoading | kStale | kFast),
    keyed("set",                  -3, 1,  1, 1, kWrite | kDenyOom),
    keyed("setbit",                4, 1,  1, 1, kWrite | kDenyOom),
    keyed("setex",                 4, 1,  1, 1, kWrite | kDenyOom),
    keyed("setnx",                 3, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("setrange",              4, 1,  1, 1, kWrite | kDenyOom),
    refused(administration, "shutdown",                  -1, kControl | kNoMulti | kAllowBusy),
    keyed("sinter",               -2, 1, -1, 1, kReadonly),
    counted("sintercard",         -3, 1, kReadonly | kMovableKeys),
    keyed("sinterstore",          -3, 1, -1, 1, kWrite | kDenyOom),
    keyed("sismember",             3, 1,  1, 1, kReadonly | kFast),
    refused(replication,    "slaveof",                    3, kSnapshot | kStale),
    container("slowlog", -2),
    refused(administration, "slowlog|get",               -2, kAdmin | kLoading | kStale),
    any_server("slowlog|help",    2, kLoading | kStale),
    refused(administration, "slowlog|len",                2, kAdmin | kLoading | kStale),
    refused(administration, "slowlog|reset",              2, kAdmin | kLoading | kStale),
    keyed("smembers",              2, 1,  1, 1, kReadonly),
    keyed("smismember",           -3, 1,  1, 1, kReadonly | kFast),
    keyed("smove",                 4, 1,  2, 1, kWrite | kFast),
    sorting("sort", -2, kWrite | kDenyOom | kMovableKeys),
    sorting("sort_ro", -2, kReadonly | kMovableKeys),
    keyed("spop",                 -2, 1,  1, 1, kWrite | kFast),
    refused(pubsub, channels("spublish",          3, 1, 1, 1, kPubsub | kLoading | kStale | kFast)),
    keyed("srandmember",          -2, 1,  1, 1, kReadonly),
    keyed("srem",                 -3, 1,  1, 1, kWrite | kFast),
    keyed("sscan",                -3, 1,  1, 1, kReadonly),
    refused(pubsub, channels("ssubscribe",       -2, 1, -1, 1, kSubscribe)),
    keyed("strlen",                2, 1,  1, 1, kReadonly | kFast),
    refused(pubsub,         "subscribe",                 -2, kSubscribe),
    keyed("substr",                4, 1,  1, 1, kReadonly),
    keyed("sunion",               -2, 1, -1, 1, kReadonly),
    keyed("sunionstore",          -3, 1, -1, 1, kWrite | kDenyOom),
    refused(pubsub, channels("sunsubscribe",     -1, 1, -1, 1, kSubscribe)),
    refused(unsupported,    "swapdb",                     3, kWrite | kFast),
    refused(replication,    "sync",                       1, kSnapshot | kNoMulti),
    any_server("time",           1, kLoading | kStale | kFast),
    split("touch",              -2, Route::split_keys, 1, Merge::sum, kReadonly | kFast),
    keyed("ttl",                   2, 1,  1, 1, kReadonly | kFast),
    keyed("type",                  2, 1,  1, 1, kReadonly | kFast),
    split("unlink",             -2, Route::split_keys, 1, Merge::sum, kWrite | kFast),
    refused(pubsub,         "unsubscribe",               -1, kSubscribe),
    refused(transaction,    "unwatch",                    1, kTransaction),
    refused(replication,    "wait",                       3, kNoscript),
    refused(transaction, keyed("watch",            -2, 1, -1, 1, kTransaction)),
    keyed("xack",                 -4, 1,  1, 1, kWrite | kFast),
    keyed("xadd",                 -5, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("xautoclaim",           -6, 1,  1, 1, kWrite | kFast),
    keyed("xclaim",               -6, 1,  1, 1, kWrite | kFast),
    keyed("xdel",                 -3, 1,  1, 1, kWrite | kFast),
    container("xgroup", -2),
    keyed("xgroup|create",        -5, 2,  2, 1, kWrite | kDenyOom),
    keyed("xgroup|createconsumer",   5, 2,  2, 1, kWrite | kDenyOom),
    keyed("xgroup|delconsumer",    5, 2,  2, 1, kWrite),
    keyed("xgroup|destroy",        4, 2,  2, 1, kWrite),
    any_server("xgroup|help",     2, kLoading | kStale),
    keyed("xgroup|setid",         -5, 2,  2, 1, kWrite),
    container("xinfo", -2),
    keyed("xinfo|consumers",       4, 2,  2, 1, kReadonly),
    keyed("xinfo|groups",          3, 2,  2, 1, kReadonly),
    any_server("xinfo|help",      2, kLoading | kStale),
    keyed("xinfo|stream",         -3, 2,  2, 1, kReadonly),
    keyed("xlen",                  2, 1,  1, 1, kReadonly | kFast),
    keyed("xpending",             -3, 1,  1, 1, kReadonly),
    keyed("xrange",               -4, 1,  1, 1, kReadonly),
    streams("xread",              -4, kReadonly | kBlocking | kMovableKeys),
    streams("xreadgroup",         -7, kWrite | kBlocking | kMovableKeys),
    keyed("xrevrange",            -4, 1,  1, 1, kReadonly),
    keyed("xsetid",               -3, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("xtrim",                -4, 1,  1, 1, kWrite),
    keyed("zadd",                 -4, 1,  1, 1, kWrite | kDenyOom | kFast),
    keyed("zcard",                 2, 1,  1, 1, kReadonly | kFast),
    keyed("zcount",                4, 1,  1, 1, kReadonly | kFast),
    counted("zdiff",              -3, 1, kReadonly | kMovableKeys),
    dest_counted("zdiffstore",         -4, kWrite | kDenyOom | kMovableKeys),
    keyed("zincrby",               4, 1,  1, 1, kWrite | kDenyOom | kFast),
    counted("zinter",             -3, 1, kReadonly | kMovableKeys),
    counted("zintercard",         -3, 1, kReadonly | kMovableKeys),
    dest_counted("zinterstore",        -4, kWrite | kDenyOom | kMovableKeys),
    keyed("zlexcount",             4, 1,  1, 1, kReadonly | kFast),
    counted("zmpop",              -4, 1, kWrite | kMovableKeys),
    keyed("zmscore",              -3, 1,  1, 1, kReadonly | kFast),
    keyed("zpopmax",              -2, 1,  1, 1, kWrite | kFast),
    keyed("zpopmin",              -2, 1,  1, 1, kWrite | kFast),
    keyed("zrandmember",          -2, 1,  1, 1, kReadonly),
    keyed("zrange",               -4, 1,  1, 1, kReadonly),
    keyed("zrangebylex",          -4, 1,  1, 1, kReadonly),
    keyed("zrangebyscore",        -4, 1,  1, 1, kReadonly),
    keyed("zrangestore",          -5, 1,  2, 1, kWrite | kDenyOom),
    keyed("zrank",                 3, 1,  1, 1, kReadonly | kFast),
    keyed("zrem",                 -3, 1,  1, 1, kWrite | kFast),
    keyed("zremrangebylex",        4, 1,  1, 1, kWrite),
    keyed("zremrangebyrank",       4, 1,  1, 1, kWrite),
    keyed("zremrangebyscore",      4, 1,  1, 1, kWrite),
    keyed("zrevrange",            -4, 1,  1, 1, kReadonly),
    keyed("zrevrangebylex",       -4, 1,  1, 1, kReadonly),
    keyed("zrevrangebyscore",     -4, 1,  1, 1, kReadonly),
    keyed("zrevrank",              3, 1,  1, 1, kReadonly | kFast),
    keyed("zscan",                -3, 1,  1, 1, kReadonly),
    keyed("zscore",                3, 1,  1, 1, kReadonly | kFast),
    counted("zunion",             -3, 1, kReadonly | kMovableKeys),
    dest_counted("zunionstore",        -4, kWrite | kDenyOom | kMovableKeys),
};
// clang-format on

namespace {

constexpr CommandFlagName kFlagNames[] = {
    {kWrite, "write"},
    {kReadonly, "readonly"},
    {kDenyOom, "denyoom"},
    {kAdmin, "admin"},
    {kPubsub, "pubsub"},
    {kNoscript, "noscript"},
    {kBlocking, "blocking"},
    {kLoading, "loading"},
    {kStale, "stale"},
    {kSkipMonitor, "skip_monitor"},
    {kSkipSlowlog, "skip_slowlog"},
    {kAsking, "asking"},
    {kFast, "fast"},
    {kNoAuth, "no_auth"},
    {kNoMandatoryKeys, "no_mandatory_keys"},
    {kNoAsyncLoading, "no_async_loading"},
    {kNoMulti, "no_multi"},
    {kMovableKeys, "movablekeys"},
    {kAllowBusy, "allow_busy"},
};

constexpr bool names_are_in_order() {
  for (std::size_t i = 1; i < std::size(kCommandRows); ++i) {
    if (kCommandRows[i - 1].name >= kCommandRows[i].name) return false;
  }
  return true;
}

constexpr bool names_are_lower_case() {
  for (const CommandSpec& row : kCommandRows) {
    for (const char byte : row.name) {
      if (byte >= 'A' && byte <= 'Z') return false;
    }
  }
  return true;
}

// A subcommand's row stands behind its container's or behind a sibling's, which find_subcommand()
// relies on.
constexpr bool subcommands_follow_their_container() {
  std::string_view container_name;
  for (const CommandSpec& row : kCommandRows) {
    const std::string_view owner = row.name.substr(0, row.name.find('|'));
    if (owner.size() != row.name.size() && owner != container_name) return false;
    container_name = row.route == Route::container || owner.size() != row.name.size() ? owner : "";
  }
  return true;
}

constexpr bool is_sound(const CommandSpec& row) {
  const bool is_split = row.route == Route::split_keys || row.route == Route::split_pairs;
  const bool is_merged = is_split || row.route == Route::all_servers || row.route == Route::scan;
  if (is_merged != (row.merge != Merge::none)) return false;
  if ((row.route == Route::by_key || is_split) && row.keys == KeyRule::none) return false;
  if (row.keys == KeyRule::range && (row.first <= 0 || row.step <= 0)) return false;
  if (row.keys == KeyRule::range && row.first >= i8{RequestFrame::kInlineArguments}) return false;
  const bool is_counted = row.keys == KeyRule::numkeys || row.keys == KeyRule::dest_numkeys;
  if (is_counted != (row.numkeys_at > 0)) return false;
  if ((row.route == Route::refused) != (row.refusal != Refusal::none)) return false;
  if (row.route == Route::local && row.local == LocalCommand::none) return false;
  if (row.local != LocalCommand::none && row.route != Route::local) {
    return row.route == Route::container;
  }
  return row.arity != 0;
}

constexpr bool all_rows_are_sound() {
  for (const CommandSpec& row : kCommandRows) {
    if (!is_sound(row)) return false;
  }
  return true;
}

static_assert(names_are_in_order(), "rows are sorted by name and each name has one");
static_assert(names_are_lower_case());
static_assert(subcommands_follow_their_container());
static_assert(all_rows_are_sound());

}  // namespace

constexpr CommandIndex kCommandIndex = build_command_index(kCommandRows);
static_assert(kCommandIndex.complete, "raise CommandIndex::kSlotBits: a name found no slot");

std::span<const CommandSpec> command_table() {
  return kCommandRows;
}

std::span<const CommandFlagName> command_flag_names() {
  return kFlagNames;
}

}  // namespace ringfold::resp
