#include "app/migrate/toml_writer.h"

namespace ringfold {

void TomlWriter::line(std::string_view text, Position origin) {
  out_.toml.append(text).append("\n");
  out_.origins.push_back(origin);
  last_ = origin;
}

const Remarks& TomlWriter::remarks_of(Position origin) const {
  static const Remarks kNone;
  const auto found = comments_.of_line.find(origin.line);
  return found == comments_.of_line.end() ? kNone : found->second;
}

void TomlWriter::comment_lines(const std::vector<std::string>& lines, Position origin,
                               std::size_t indent) {
  for (const std::string& text : lines) {
    line(text.empty() ? "" : std::string(indent, ' ').append(text), origin);
  }
}

void TomlWriter::commented(std::string_view text, Position origin, std::size_t indent) {
  const Remarks& remarks = remarks_of(origin);
  comment_lines(remarks.above, origin, indent);
  std::string full(indent, ' ');
  full.append(text);
  if (!remarks.behind.empty()) full.append("  ").append(remarks.behind);
  line(full, origin);
  comment_lines(remarks.below, origin, indent);
}

void TomlWriter::at_end() {
  if (comments_.at_end.empty()) return;
  blank_line();
  comment_lines(comments_.at_end, last_, 0);
}

}  // namespace ringfold
