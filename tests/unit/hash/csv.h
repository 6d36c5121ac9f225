// The recorded vectors of tests/vectors/: plain comma-separated files without quotes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringfold::testing {

// A file's rows without the header row. Fails the test when the file cannot be read, or when a row
// has another number of fields than the header.
[[nodiscard]] std::vector<std::vector<std::string>> read_csv(std::string_view file_name);

// The parts of a text between separators; a text without any is one part.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);

// The bytes that an even number of hex digits stand for.
[[nodiscard]] std::string from_hex(std::string_view hex);

}  // namespace ringfold::testing
