// The raw lines of a YAML file, for what a YAML library does not tell: where comments stand. Knows
// scalars of one line only, which is all that a twemproxy file may hold (see yaml_document.h).
// Every view is valid as long as the text it was made from.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace ringfold {

// Without line ends (LF or CR LF) and without a byte order mark.
[[nodiscard]] std::vector<std::string_view> split_lines(std::string_view text);

// Nothing but blanks; and a comment, perhaps behind blanks.
[[nodiscard]] bool is_blank_line(std::string_view line);
[[nodiscard]] bool is_comment_line(std::string_view line);

// How many blanks a line starts with.
[[nodiscard]] std::size_t indent_of(std::string_view line);

// Where the scalar ends that starts at line[from]: behind the closing quote, or behind the last
// byte of a plain one. Nothing when its quote is not closed in this line.
[[nodiscard]] std::optional<std::size_t> scalar_end(std::string_view line, std::size_t from);

// The comment behind something else in the line ("# and so on"), or "".
[[nodiscard]] std::string_view comment_behind(std::string_view line);

}  // namespace ringfold
