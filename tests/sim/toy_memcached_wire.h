// The toys' own memcached text protocol: small, slow and independent of the product's parsers,
// because it is part of the oracle that judges them. Forms: a live memcached 1.6.18.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "toy_resp.h"

namespace ringfold::sim::toy {

// One command as a server may be sent it by a proxy: words with one space between them, no control
// bytes, CRLF, no line longer than a shared connection bears. data: the block behind the line.
// broken: `why` says what a proxy must never send.
[[nodiscard]] ScanResult scan_memcached_command(std::string_view in,
                                                std::vector<std::string>& words, std::string& data,
                                                std::string& why);

// One answer of a server or of the proxy, whatever was asked.
[[nodiscard]] ScanResult scan_memcached_reply(std::string_view in);

// One VALUE block of an answer.
struct ValueBlock {
  std::string_view key;
  std::string_view raw;  // the line and the data with their CRLFs
};

// The VALUE blocks of a whole answer; end: the line behind them, with its CRLF.
[[nodiscard]] std::vector<ValueBlock> value_blocks(std::string_view reply, std::string_view& end);

[[nodiscard]] bool is_memcached_error(std::string_view reply);

// Whether the word is a number without sign that fits 64 bits; its value.
[[nodiscard]] std::optional<u64> unsigned_of(std::string_view word);

// RFC 4648 with padding. decode: nothing when the text is none.
[[nodiscard]] std::string encode_base64(std::string_view bytes);
[[nodiscard]] std::string decode_base64(std::string_view text);

// "set k 0 0 5\r\nhello\r\n" from its words and its data.
[[nodiscard]] std::string memcached_command(const std::vector<std::string>& words);
[[nodiscard]] std::string memcached_command(const std::vector<std::string>& words,
                                            std::string_view data);

}  // namespace ringfold::sim::toy
