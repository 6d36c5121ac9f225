// Writes TOML line by line and remembers of each line where it comes from.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/migrate/comments.h"
#include "app/migrate/translate.h"
#include "app/toml_string.h"

namespace ringfold {

class TomlWriter {
 public:
  explicit TomlWriter(const Comments& comments) : comments_(comments) {}

  void blank_line() { line("", last_); }
  void line(std::string_view text, Position origin);

  // The comments that stand above the line of origin; text, with the comment behind that line; the
  // comments below it. indent: blanks before each.
  void commented(std::string_view text, Position origin, std::size_t indent = 0);

  void at_end();
  Translation take() { return std::move(out_); }

  void warn(Position position, std::string text) {
    out_.warnings.push_back({position, std::move(text)});
  }

 private:
  void comment_lines(const std::vector<std::string>& lines, Position origin, std::size_t indent);
  const Remarks& remarks_of(Position origin) const;

  const Comments& comments_;
  Translation out_;
  Position last_;
};

}  // namespace ringfold
