// The toys' own RESP: small, slow and independent of the product's parsers, because it is part of
// the oracle that judges them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/ints.h"

namespace ringfold::sim::toy {

enum class Scan : u8 { incomplete, complete, broken };

struct ScanResult {
  Scan status = Scan::incomplete;
  std::size_t size = 0;  // complete: bytes of the frame; incomplete: no use to look before so many
};

// One command in array form.
[[nodiscard]] ScanResult scan_command(std::string_view in, std::vector<std::string>& arguments);

// One reply of RESP2.
[[nodiscard]] ScanResult scan_reply(std::string_view in);

// The elements of a whole array reply, each with its header; empty for "*0" and "*-1".
[[nodiscard]] std::vector<std::string_view> elements(std::string_view array);

// The integer of a whole ":n\r\n" reply.
[[nodiscard]] i64 number_of(std::string_view reply);

// The bytes of a whole bulk string reply.
[[nodiscard]] std::string_view bulk_of(std::string_view reply);

[[nodiscard]] std::string simple(std::string_view line);
[[nodiscard]] std::string error(std::string_view line);
[[nodiscard]] std::string integer(i64 number);
[[nodiscard]] std::string bulk(std::string_view bytes);
[[nodiscard]] std::string null_bulk();
[[nodiscard]] std::string array(const std::vector<std::string>& encoded);
[[nodiscard]] std::string command(const std::vector<std::string>& arguments);

}  // namespace ringfold::sim::toy
