// Seeded makers of memcached traffic: requests that are well-formed or nearly so, and replies.
#pragma once

#include <string>
#include <string_view>

#include "resp_generator.h"
#include "ringfold/base/prng.h"
#include "ringfold/proto/memcached.h"

namespace ringfold::memcached::testing {

using resp::testing::check_all_cuts;
using resp::testing::damage;
using resp::testing::random_bytes;
using resp::testing::random_cuts;

template <std::size_t kCount>
std::string one_of(Prng& prng, const char* const (&choices)[kCount]) {
  return choices[prng.below(kCount)];
}

inline std::string random_key(Prng& prng) {
  if (prng.chance(1, 40)) return std::string(248 + prng.below(5), 'k');
  return one_of(prng, {"a", "b", "key", "noreply", "YWJj", "YQ==", "Y===", "YQ0KYg==", "!a", "0",
                       "\xc3\xa9", "q", "user:1234", "7"});
}

inline std::string random_number_word(Prng& prng) {
  if (prng.chance(3, 4)) return std::to_string(prng.below(20));
  if (prng.chance(1, 30)) return std::string(248 + prng.below(5), '0');
  return one_of(prng, {"-1",
                       "+1",
                       "-0",
                       "00",
                       "x",
                       "",
                       "1x",
                       "2147483647",
                       "2147483648",
                       "2147483645",
                       "2147483646",
                       "4294967295",
                       "4294967296",
                       "-2147483648",
                       "-2147483649",
                       "18446744073709551615",
                       "18446744073709551616",
                       "9223372036854775807",
                       "9223372036854775808",
                       "-9223372036854775809",
                       "noreply",
                       "3\t",
                       "\v3"});
}

inline std::string random_flag(Prng& prng) {
  return one_of(prng, {"q",   "k",    "v",
                       "t",   "c",    "s",
                       "f",   "h",    "l",
                       "u",   "b",    "Oabc",
                       "q2",  "N30",  "T0",
                       "R10", "T",    "F5",
                       "C7",  "MA",   "ME",
                       "I",   "D2",   "J5",
                       "X",   "\x80", "Oaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"});
}

inline std::string random_request(Prng& prng) {
  std::string name = one_of(
      prng, {"get",     "gets",      "gat",   "gats",  "set",      "add",   "replace", "append",
             "prepend", "cas",       "incr",  "decr",  "delete",   "touch", "version", "verbosity",
             "quit",    "flush_all", "stats", "mg",    "ms",       "md",    "ma",      "mn",
             "me",      "bget",      "lru",   "slabs", "nonsense", "m"});
  std::string line = name;
  const auto add = [&](const std::string& word) {
    line += prng.chance(1, 30) ? "  " : " ";
    line += word;
  };
  const CommandRow* const row = find_command(name);
  const u64 length = prng.below(20);
  if (row != nullptr && row->data_length_at != 0) {
    add(random_key(prng));
    if (name != "ms") add(random_number_word(prng));
    if (name != "ms") add(random_number_word(prng));
    add(prng.chance(7, 8) ? std::to_string(length) : random_number_word(prng));
    if (name == "cas") add(random_number_word(prng));
  } else if (row != nullptr && row->key_at != 0) {
    if (row->key_at == 2) add(random_number_word(prng));
    add(random_key(prng));
    if (row->has_noreply && name != "delete") add(random_number_word(prng));
    const bool is_get = row->route == Route::split_keys;
    for (u64 left = is_get ? prng.below(30) : 0; left != 0; --left) add(random_key(prng));
  } else if (prng.chance(1, 2)) {
    add(random_number_word(prng));
  }
  if (name.size() == 2) {
    const u64 flags = prng.chance(1, 10) ? prng.below(25) : prng.below(4);
    for (u64 left = flags; left != 0; --left) add(random_flag(prng));
  }
  if (prng.chance(1, 4)) add(one_of(prng, {"noreply", "0", "0 noreply", "junk", "", "cachedump"}));
  line += prng.chance(1, 10) ? "\n" : "\r\n";
  if (row != nullptr && row->data_length_at != 0) line += random_bytes(prng, length) + "\r\n";
  return line;
}

inline ReplyShape random_shape(Prng& prng) {
  return static_cast<ReplyShape>(prng.below(5));
}

inline std::string random_data(Prng& prng, u64 length) {
  return random_bytes(prng, length) + "\r\n";
}

inline std::string random_reply(Prng& prng, ReplyShape shape) {
  std::string reply;
  if (prng.chance(1, 10)) {
    return one_of(prng, {"ERROR\r\n", "CLIENT_ERROR bad data chunk\r\n", "SERVER_ERROR \r\n",
                         "SERVER_ERROR out of memory\r\n", "ERRORS\r\n", "VERSION 1.6.18\r\n"});
  }
  const u64 length = prng.chance(1, 30) ? prng.below(2000) : prng.below(12);
  switch (shape) {
    case ReplyShape::line:
      return one_of(prng, {"STORED\r\n", "NOT_STORED\r\n", "EXISTS\r\n", "NOT_FOUND\r\n", "OK\r\n",
                           "DELETED\r\n", "TOUCHED\r\n", "0\r\n", "18446744073709551615\r\n",
                           "184467440737095516150\r\n", "MN\r\n", "HD\r\n"});
    case ReplyShape::values:
    case ReplyShape::value:
      for (u64 left = prng.below(4); left != 0; --left) {
        const u64 size = prng.chance(1, 10) ? prng.below(300) : prng.below(12);
        reply.append("VALUE ").append(1 + prng.below(prng.chance(1, 20) ? 255 : 10), 'k');
        reply.append(" ").append(std::to_string(prng.next() >> prng.below(64)));
        reply.append(" ").append(std::to_string(size));
        if (prng.chance(1, 3)) reply.append(" ").append(std::to_string(prng.next()));
        reply += "\r\n" + random_data(prng, size);
      }
      return reply + "END\r\n";
    case ReplyShape::meta:
      if (prng.chance(1, 2)) {
        reply = "VA " + std::to_string(length);
        return reply + one_of(prng, {"", " ", " c12 t-1"}) + "\r\n" + random_data(prng, length);
      }
      return one_of(prng, {"HD\r\n", "EN\r\n", "NF\r\n", "NS kfoo Oq\r\n", "EX\r\n", "MN\r\n",
                           "HD c12 t-1\r\n", "ME a exp=-1 la=0 size=61\r\n", "END\r\n"});
    case ReplyShape::stats:
      for (u64 left = prng.below(5); left != 0; --left) {
        reply += one_of(prng, {"STAT pid 1\r\n", "STAT \r\n", "ITEM a [1 b; 0 s]\r\n",
                               "PREFIX a get 1 hit 0 set 0 del 0\r\n", "STAT 10:addr tcp:x\r\n"});
      }
      return reply + one_of(prng, {"END\r\n", "END\r\n", "RESET\r\n", "OK\r\n"});
  }
  return reply;
}

}  // namespace ringfold::memcached::testing
