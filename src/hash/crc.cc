#include <array>

#include "hash/key_hashes.h"

namespace ringfold::key_hashes {

namespace {

constexpr std::array<u16, 256> make_crc16_table() {
  std::array<u16, 256> table{};
  for (u32 byte = 0; byte < 256; ++byte) {
    u32 crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000u) != 0 ? (crc << 1) ^ 0x1021u : crc << 1;
    table[byte] = static_cast<u16>(crc);
  }
  return table;
}

// Table k holds the effect of a byte that k further bytes follow, so eight bytes are folded in with
// eight independent look-ups ("slicing by 8": Kounavis and Berry, "A systematic approach to
// building high performance, software-based, CRC generators", 2005).
using SlicingTables = std::array<std::array<u32, 256>, 8>;

constexpr SlicingTables make_crc32_tables() {
  SlicingTables tables{};
  for (u32 byte = 0; byte < 256; ++byte) {
    u32 crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1u) != 0 ? (crc >> 1) ^ 0xedb88320u : crc >> 1;
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < tables.size(); ++k) {
    for (u32 byte = 0; byte < 256; ++byte) {
      const u32 crc = tables[k - 1][byte];
      tables[k][byte] = (crc >> 8) ^ tables[0][crc & 0xffu];
    }
  }
  return tables;
}

constexpr std::array<u16, 256> kCrc16Table = make_crc16_table();
constexpr SlicingTables kCrc32Tables = make_crc32_tables();

}  // namespace

u32 crc16(std::string_view key) {
  u32 crc = 0;
  for (const char c : key) {
    crc = (crc << 8) ^ kCrc16Table[((crc >> 8) ^ unsigned_byte(c)) & 0xffu];
  }
  return crc;
}

u32 crc32a(std::string_view key) {
  const SlicingTables& t = kCrc32Tables;
  const char* at = key.data();
  std::size_t left = key.size();
  u32 crc = 0xffffffffu;
  for (; left >= 8; at += 8, left -= 8) {
    const u32 low = crc ^ load_u32(at);
    const u32 high = load_u32(at + 4);
    crc = t[7][low & 0xffu] ^ t[6][(low >> 8) & 0xffu] ^ t[5][(low >> 16) & 0xffu] ^
          t[4][low >> 24] ^ t[3][high & 0xffu] ^ t[2][(high >> 8) & 0xffu] ^
          t[1][(high >> 16) & 0xffu] ^ t[0][high >> 24];
  }
  for (; left > 0; ++at, --left) crc = (crc >> 8) ^ t[0][(crc ^ unsigned_byte(*at)) & 0xffu];
  return ~crc;
}

u32 crc32(std::string_view key) {
  return (crc32a(key) >> 16) & 0x7fffu;
}

}  // namespace ringfold::key_hashes
