// Small helpers for texts that people read or write.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringfold::load {

// The pieces between separators; of an empty text one empty piece.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

// Bytes on one line for a person: control bytes and what is not ASCII as \r, \n and \xNN, and of
// more than `limit` bytes only so many, with how many there were.
[[nodiscard]] std::string shown_bytes(std::string_view bytes, std::size_t limit = 120);

// As a JSON string, quotes included. Bytes above 0x7f are taken for Latin-1, so that any bytes
// give valid JSON.
[[nodiscard]] std::string json_string(std::string_view bytes);

// "1,234,567".
[[nodiscard]] std::string with_commas(unsigned long long number);

}  // namespace ringfold::load
