#include "ringfold/hash/hash.h"

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "csv.h"
#include "hash/md5.h"
#include "ringfold/base/prng.h"

using namespace ringfold;
using namespace ringfold::testing;
using namespace std::string_view_literals;

namespace {

constexpr std::array kAllKinds = {
    HashKind::one_at_a_time, HashKind::md5,     HashKind::crc16,    HashKind::crc32,
    HashKind::crc32a,        HashKind::fnv1_64, HashKind::fnv1a_64, HashKind::fnv1_32,
    HashKind::fnv1a_32,      HashKind::hsieh,   HashKind::murmur,   HashKind::jenkins,
    HashKind::xxh3,
};

}  // namespace

TEST_CASE("every hash value recorded from twemproxy is reproduced") {
  const auto rows = read_csv("twemproxy_hash32.csv");
  std::set<std::string> kinds_seen;
  for (const auto& row : rows) {
    const auto kind = parse_hash_kind(row[0]);
    REQUIRE_MESSAGE(kind.has_value(), row[0]);
    CHECK_MESSAGE(hash_key(*kind, from_hex(row[1])) == std::stoul(row[2]), row[0], " of ", row[1]);
    kinds_seen.insert(row[0]);
  }
  CHECK(rows.size() == 780);
  CHECK(kinds_seen.size() == 12);
}

TEST_CASE("the known answers of twemproxy's own unit test hold") {
  CHECK(hash_key(HashKind::one_at_a_time, "apple") == 2297466611u);
  CHECK(hash_key(HashKind::md5, "apple") == 3195025439u);
  CHECK(hash_key(HashKind::crc16, "apple") == 3662830516u);
  CHECK(hash_key(HashKind::crc32, "apple") == 10542u);
  CHECK(hash_key(HashKind::crc32a, "apple") == 2838417488u);
  CHECK(hash_key(HashKind::fnv1_32, "apple") == 67176023u);
  CHECK(hash_key(HashKind::fnv1a_32, "apple") == 280767167u);
  CHECK(hash_key(HashKind::fnv1_64, "apple") == 473199127u);
  CHECK(hash_key(HashKind::fnv1a_64, "apple") == 1488911807u);
  CHECK(hash_key(HashKind::hsieh, "apple") == 3738850110u);
  CHECK(hash_key(HashKind::jenkins, "apple") == 1442444624u);
  CHECK(hash_key(HashKind::murmur, "apple") == 4142305122u);
}

TEST_CASE("xxh3 is the low half of XXH3_64bits for every length class") {
  // Recorded from the shared library of xxHash 0.8.1.
  CHECK(hash_key(HashKind::xxh3, "a") == 0x1e964e1fu);
  CHECK(hash_key(HashKind::xxh3, "abc") == 0x892f3950u);
  CHECK(hash_key(HashKind::xxh3, "apple") == 0xcf1f8a00u);
  CHECK(hash_key(HashKind::xxh3, "user:1001") == 0x0ee66e90u);
  CHECK(hash_key(HashKind::xxh3, "0123456789abcdef0") == 0xdaf36034u);
  CHECK(hash_key(HashKind::xxh3, std::string(129, 'x')) == 0x08fe27dcu);
  CHECK(hash_key(HashKind::xxh3, std::string(300, 'x')) == 0x7dc83554u);
  CHECK(hash_key(HashKind::xxh3, "\xff\x80\x00\x7f"sv) == 0x5e91da3du);
}

TEST_CASE("md5 gives the digests of RFC 1321, in every thread") {
  const auto hex = [](std::string_view bytes) {
    std::string text;
    for (const u8 byte : md5_digest(bytes)) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    return text;
  };
  const auto check = [&] {
    return hex("") == "d41d8cd98f00b204e9800998ecf8427e" &&
           hex("abc") == "900150983cd24fb0d6963f7d28e17f72" &&
           hex("message digest") == "f96b697d7cb7938d525a2f31aaf161d0" &&
           hex("1234567890123456789012345678901234567890123456789012345678901234567890"
               "1234567890") == "57edf4a22be3c955ac49da2e2107b67a";
  };
  CHECK(check());
  std::array<bool, 4> right{};
  {
    std::vector<std::jthread> threads;
    for (bool& result : right) threads.emplace_back([&] { result = check(); });
  }
  for (const bool result : right) CHECK(result);
}

TEST_CASE("an empty key hashes to 0 for every kind") {
  for (const HashKind kind : kAllKinds) CHECK(hash_key(kind, "") == 0);
  for (const HashKind kind : kAllKinds) CHECK(hash_key(kind, std::string_view()) == 0);
}

TEST_CASE("a hash reads exactly the key's bytes, wherever they lie") {
  // Each key is hashed from the end of an allocation of its own size, where a sanitizer sees a read
  // past it, and from a place at every alignment.
  Prng prng(1);
  for (std::size_t length = 1; length <= 100; ++length) {
    std::vector<char> exact(length);
    for (char& c : exact) c = static_cast<char>(prng.next());
    for (const HashKind kind : kAllKinds) {
      const u32 expected = hash_key(kind, {exact.data(), length});
      for (std::size_t shift = 0; shift < 8; ++shift) {
        std::string moved = std::string(shift, '\xaa') + std::string(exact.data(), length) + "\xbb";
        CHECK(hash_key(kind, std::string_view(moved).substr(shift, length)) == expected);
      }
    }
  }
}

TEST_CASE("names of hashes are read back, and nothing else is") {
  std::set<std::string_view> names;
  for (const HashKind kind : kAllKinds) {
    CHECK(parse_hash_kind(to_string(kind)) == kind);
    names.insert(to_string(kind));
  }
  CHECK(names.size() == 13);
  for (const std::string_view wrong : {"", "FNV1A_64", "fnv1a_6", "fnv1a_644", " md5", "sha1"}) {
    CHECK_FALSE(parse_hash_kind(wrong).has_value());
  }
}
