// The thirteen key hashes, one function each; hash.cc chooses among them. Private to the hash
// layer.
//
// All arithmetic is modulo 2^32 on unsigned numbers. twemproxy hashes plain `char`, which is signed
// on x86: a byte of 0x80 or more enters some of its functions as 0xffffff80 and up. Users of
// twemproxy find their keys again only if those quirks stay, so each function says which it has.
// The functions are defined for the empty key too, but hash_key() never asks for it.
#pragma once

#include <bit>
#include <cstring>
#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold::key_hashes {

static_assert(std::endian::native == std::endian::little,
              "the word loads below are little endian, as twemproxy's on x86");

// A byte as twemproxy on x86 sees it where it does not cast to unsigned.
[[nodiscard]] inline u32 signed_byte(char c) {
  return static_cast<u32>(static_cast<i32>(static_cast<signed char>(c)));
}

[[nodiscard]] inline u32 unsigned_byte(char c) {
  return static_cast<u8>(c);
}

[[nodiscard]] inline u32 load_u32(const char* bytes) {
  u32 word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

[[nodiscard]] inline u32 load_u16(const char* bytes) {
  u16 word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// FNV (Fowler, Noll, Vo; http://www.isthe.com/chongo/tech/comp/fnv/), with signed bytes. twemproxy
// keeps only the low 32 bits of the 64-bit variant, and those depend on nothing but the low 32 bits
// of its basis (0xcbf29ce484222325) and prime (0x100000001b3). Inline because fnv1a_64 is the
// default hash of every pool.
inline constexpr u32 kFnv32Basis = 2166136261u;
inline constexpr u32 kFnv32Prime = 16777619u;
inline constexpr u32 kFnv64BasisLow = 0x84222325u;
inline constexpr u32 kFnv64PrimeLow = 0x1b3u;

template <u32 basis, u32 prime>
[[nodiscard]] inline u32 fnv1(std::string_view key) {
  u32 value = basis;
  for (const char c : key) value = (value * prime) ^ signed_byte(c);
  return value;
}

template <u32 basis, u32 prime>
[[nodiscard]] inline u32 fnv1a(std::string_view key) {
  u32 value = basis;
  for (const char c : key) value = (value ^ signed_byte(c)) * prime;
  return value;
}

// Bob Jenkins' one-at-a-time (Dr. Dobb's Journal, September 1997), with signed bytes.
[[nodiscard]] u32 one_at_a_time(std::string_view key);

// The first four bytes of the MD5 digest (RFC 1321), little endian.
[[nodiscard]] u32 md5(std::string_view key);

// CRC-16/XMODEM (polynomial 0x1021, start 0) in a register of 32 bits that is never masked to 16:
// the high half holds what the low half has shifted out. Not the hash slot of Redis Cluster.
[[nodiscard]] u32 crc16(std::string_view key);

// CRC-32 as in zlib and Ethernet (reflected polynomial 0xedb88320).
[[nodiscard]] u32 crc32a(std::string_view key);

// Bits 16 to 30 of crc32a, so at most 32767: with ketama nearly all keys meet one server.
[[nodiscard]] u32 crc32(std::string_view key);

// Paul Hsieh's SuperFastHash (http://www.azillionmonkeys.com/qed/hash.html) starting from 0 and not
// from the length; only the last byte of a tail of three is signed.
[[nodiscard]] u32 hsieh(std::string_view key);

// Austin Appleby's MurmurHash2, 32 bits, seeded with 0xdeadbeef times the length.
[[nodiscard]] u32 murmur(std::string_view key);

// Bob Jenkins' lookup3 hashlittle() (http://burtleburtle.net/bob/c/lookup3.c), start value 13.
[[nodiscard]] u32 jenkins(std::string_view key);

// The low 32 bits of XXH3_64bits (Yann Collet; stable since xxHash 0.8.0).
[[nodiscard]] u32 xxh3(std::string_view key);

}  // namespace ringfold::key_hashes
