// The cursor of SCAN over several servers: the server's own cursor times 1024 plus the server's
// number. Redis' cursors have as many bits as its largest table has, so the product fits 64 bits
// for any table below 2^54 entries.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

#include "ringfold/base/ints.h"
#include "ringfold/base/limits.h"

namespace ringfold {

struct ScanCursor {
  u64 position = 0;  // the server's own
  u32 server = 0;
};

[[nodiscard]] inline std::optional<u64> parse_cursor_number(std::string_view text) {
  u64 value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

[[nodiscard]] inline std::optional<ScanCursor> parse_scan_cursor(std::string_view text) {
  const std::optional<u64> value = parse_cursor_number(text);
  if (!value) return std::nullopt;
  return ScanCursor{*value / kServersPerPoolMax, static_cast<u32>(*value % kServersPerPoolMax)};
}

// Where a scan goes on when `server` has answered `position`; 0: it is complete. Nothing: the
// number does not fit.
[[nodiscard]] inline std::optional<u64> next_scan_cursor(u64 position, u32 server,
                                                         u32 server_count) {
  if (position == 0) return server + 1 < server_count ? server + 1 : 0;
  if (position > UINT64_MAX / kServersPerPoolMax - 1) return std::nullopt;
  return position * kServersPerPoolMax + server;
}

}  // namespace ringfold
