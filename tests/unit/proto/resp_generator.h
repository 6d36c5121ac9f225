// Seeded makers of RESP traffic: well-formed requests and nested replies, and damaged ones.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/prng.h"
#include "ringfold/proto/resp.h"

namespace ringfold::resp::testing {

// Bytes that mean something to the parsers, and some that do not.
inline char random_byte(Prng& prng) {
  using namespace std::string_view_literals;
  constexpr std::string_view kBytes = "\r\n*$:+-0123456789 \t\v\"'\\xnaz\0\xff\x7f"sv;
  return kBytes[prng.below(kBytes.size())];
}

inline std::string random_bytes(Prng& prng, std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(random_byte(prng));
  return bytes;
}

// Mostly short, at times around the places where the number of digits changes.
inline std::size_t random_length(Prng& prng) {
  constexpr std::size_t kLengths[] = {0, 1, 2, 9, 10, 11, 99, 100, 101, 999, 1000, 1001};
  if (prng.chance(1, 20)) return kLengths[prng.below(std::size(kLengths))];
  return prng.below(14);
}

inline std::string random_request(Prng& prng) {
  std::string request;
  const u64 count = prng.chance(1, 8) ? prng.below(30) : prng.below(6);
  if (count == 0) return prng.chance(1, 2) ? "*0\r\n" : "*-1\r\n";
  encode_number_line(request, '*', static_cast<i64>(count));
  for (u64 i = 0; i < count; ++i) encode_bulk(request, random_bytes(prng, random_length(prng)));
  return request;
}

inline std::string random_line(Prng& prng) {
  std::string line = random_bytes(prng, random_length(prng));
  std::replace(line.begin(), line.end(), '\r', ' ');
  return line;
}

inline i64 random_number(Prng& prng) {
  const i64 number = static_cast<i64>(prng.next() >> prng.below(64));
  return prng.chance(1, 4) ? number : static_cast<i64>(prng.below(1000)) - 10;
}

inline void append_random_reply(Prng& prng, u32 depth, std::string& reply) {
  const u64 kind = prng.below(depth == 0 ? 6 : 9);
  if (kind == 0) {
    encode_simple(reply, prng.chance(1, 2) ? "OK" : random_line(prng));
  } else if (kind == 1) {
    encode_error(reply, random_line(prng));
  } else if (kind == 2) {
    encode_number_line(reply, ':', random_number(prng));
  } else if (kind == 3) {
    reply.append(prng.chance(1, 2) ? "$-1\r\n" : "*-1\r\n");
  } else if (kind < 6) {
    encode_bulk(reply, random_bytes(prng, random_length(prng)));
  } else {
    const u64 count = prng.below(5);
    encode_number_line(reply, '*', static_cast<i64>(count));
    for (u64 i = 0; i < count; ++i) append_random_reply(prng, depth - 1, reply);
  }
}

inline std::string random_reply(Prng& prng) {
  std::string reply;
  append_random_reply(prng, static_cast<u32>(prng.below(5)), reply);
  return reply;
}

// Changes, drops, adds or doubles a few bytes.
inline void damage(Prng& prng, std::string& bytes) {
  for (u64 left = 1 + prng.below(3); left != 0 && !bytes.empty(); --left) {
    const std::size_t at = prng.below(bytes.size());
    switch (prng.below(5)) {
      case 0:
        bytes.erase(at, 1);
        break;
      case 1:
        bytes.insert(at, 1, random_byte(prng));
        break;
      case 2:
        bytes.insert(at, bytes.substr(at, 1 + prng.below(8)));
        break;
      default:
        bytes[at] = random_byte(prng);
        break;
    }
  }
}

// Ascending places to cut at, few or many, the same place possibly twice.
inline std::vector<std::size_t> random_cuts(Prng& prng, std::size_t size) {
  std::vector<std::size_t> cuts(prng.below(prng.chance(1, 4) ? 20 : 3));
  for (std::size_t& cut : cuts) cut = prng.below(size + 1);
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

// Calls check(cuts) for no cut, for every single cut, and for every pair where size is small; ends
// at the first complaint and returns it with its cuts.
template <class Check>
std::string check_all_cuts(std::size_t size, Check check) {
  constexpr std::size_t kPairsUpTo = 64;
  std::string wrong = check(std::vector<std::size_t>());
  for (std::size_t first = 0; first <= size && wrong.empty(); ++first) {
    wrong = check(std::vector<std::size_t>{first});
    if (!wrong.empty()) return wrong + "cut at " + std::to_string(first);
    if (size > kPairsUpTo) continue;
    for (std::size_t second = first; second <= size; ++second) {
      wrong = check(std::vector<std::size_t>{first, second});
      if (wrong.empty()) continue;
      return wrong + "cut at " + std::to_string(first) + " and " + std::to_string(second);
    }
  }
  return wrong;
}

}  // namespace ringfold::resp::testing
