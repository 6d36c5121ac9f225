// What replies the commonest Redis commands give. Source: the reply sections of redis.io/commands,
// RESP2, checked with Redis 7.0.15.
#include <algorithm>
#include <array>
#include <string>

#include "load/command_template.h"

namespace ringfold::load {
namespace {

struct Row {
  std::string_view name;
  std::string_view types;
};

// Sorted by name. '0' is a null, of either kind.
constexpr auto kRows = std::to_array<Row>({
    {"APPEND", ":"},        {"BITCOUNT", ":"},    {"DBSIZE", ":"},    {"DECR", ":"},
    {"DECRBY", ":"},        {"DEL", ":"},         {"ECHO", "$"},      {"EXISTS", ":"},
    {"EXPIRE", ":"},        {"GET", "$0"},        {"GETBIT", ":"},    {"GETDEL", "$0"},
    {"GETEX", "$0"},        {"GETRANGE", "$"},    {"GETSET", "$0"},   {"HDEL", ":"},
    {"HEXISTS", ":"},       {"HGET", "$0"},       {"HGETALL", "*"},   {"HINCRBY", ":"},
    {"HKEYS", "*"},         {"HLEN", ":"},        {"HMGET", "*"},     {"HMSET", "+"},
    {"HSET", ":"},          {"HSETNX", ":"},      {"HVALS", "*"},     {"INCR", ":"},
    {"INCRBY", ":"},        {"INCRBYFLOAT", "$"}, {"LINDEX", "$0"},   {"LLEN", ":"},
    {"LPOP", "$*0"},        {"LPUSH", ":"},       {"LPUSHX", ":"},    {"LRANGE", "*"},
    {"LREM", ":"},          {"LSET", "+"},        {"LTRIM", "+"},     {"MGET", "*"},
    {"MSET", "+"},          {"MSETNX", ":"},      {"PERSIST", ":"},   {"PEXPIRE", ":"},
    {"PFADD", ":"},         {"PFCOUNT", ":"},     {"PING", "+$"},     {"PSETEX", "+"},
    {"PTTL", ":"},          {"RPOP", "$*0"},      {"RPUSH", ":"},     {"RPUSHX", ":"},
    {"SADD", ":"},          {"SCARD", ":"},       {"SDIFF", "*"},     {"SET", "+$0"},
    {"SETBIT", ":"},        {"SETEX", "+"},       {"SETNX", ":"},     {"SETRANGE", ":"},
    {"SINTER", "*"},        {"SISMEMBER", ":"},   {"SMEMBERS", "*"},  {"SPOP", "$*0"},
    {"SRANDMEMBER", "$*0"}, {"SREM", ":"},        {"STRLEN", ":"},    {"SUNION", "*"},
    {"TOUCH", ":"},         {"TTL", ":"},         {"TYPE", "+"},      {"UNLINK", ":"},
    {"ZADD", ":$0"},        {"ZCARD", ":"},       {"ZCOUNT", ":"},    {"ZINCRBY", "$0"},
    {"ZPOPMAX", "*"},       {"ZPOPMIN", "*"},     {"ZRANGE", "*"},    {"ZRANGEBYSCORE", "*"},
    {"ZRANK", ":0"},        {"ZREM", ":"},        {"ZREVRANGE", "*"}, {"ZSCORE", "$0"},
});
static_assert(std::ranges::is_sorted(kRows, {}, &Row::name));

constexpr auto kBreaking =
    std::to_array<std::string_view>({"CLIENT", "HELLO", "MONITOR", "PSUBSCRIBE", "PSYNC", "QUIT",
                                     "RESET", "SHUTDOWN", "SSUBSCRIBE", "SUBSCRIBE", "SYNC"});

std::string in_upper_case(std::string_view name) {
  std::string upper(name);
  for (char& letter : upper) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  }
  return upper;
}

}  // namespace

std::string_view reply_types_of(std::string_view name) {
  const std::string upper = in_upper_case(name);
  const auto* const row = std::ranges::lower_bound(kRows, upper, {}, &Row::name);
  return row != kRows.end() && row->name == upper ? row->types : std::string_view();
}

bool breaks_the_line(std::string_view name) {
  return std::ranges::find(kBreaking, in_upper_case(name)) != kBreaking.end();
}

}  // namespace ringfold::load
