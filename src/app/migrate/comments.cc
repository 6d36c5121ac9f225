#include "app/migrate/comments.h"

#include <algorithm>

#include "app/migrate/yaml_lines.h"

namespace ringfold {
namespace {

using Lines = std::vector<std::string_view>;

// Comments and blank lines of lines[from, to), of other lines what is behind them.
Lines gap_between(const Lines& lines, std::size_t from, std::size_t to) {
  Lines gap;
  for (std::size_t i = from; i < to; ++i) {
    if (is_comment_line(lines[i]) || is_blank_line(lines[i])) {
      gap.push_back(lines[i]);
    } else if (const std::string_view comment = comment_behind(lines[i]); !comment.empty()) {
      gap.push_back(comment);
    }
  }
  return gap;
}

// How many lines of the gap belong to what stands before it.
std::size_t split_gap(const Lines& gap, std::size_t indent, bool is_before_pool) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < gap.size(); ++i) {
    if (is_comment_line(gap[i]) && indent_of(gap[i]) > indent) count = i + 1;
  }
  if (!is_before_pool) return count;
  const auto blank = std::ranges::find_if(gap, is_blank_line);
  if (blank == gap.end()) return count;
  return std::max(count, static_cast<std::size_t>(blank - gap.begin()));
}

// Without indentation, and without the blank lines at both ends.
std::vector<std::string> tidy_up(const Lines& gap, std::size_t from, std::size_t to) {
  while (from < to && is_blank_line(gap[from])) from += 1;
  while (from < to && is_blank_line(gap[to - 1])) to -= 1;
  std::vector<std::string> out;
  for (std::size_t i = from; i < to; ++i) {
    std::string_view line = gap[i].substr(indent_of(gap[i]));
    while (line.ends_with(' ') || line.ends_with('\t')) line.remove_suffix(1);
    out.emplace_back(line);
  }
  return out;
}

}  // namespace

Comments find_comments(std::string_view text, const std::vector<ContentLine>& content) {
  const Lines lines = split_lines(text);
  Comments comments;
  std::size_t next = 0;  // the first line that is not looked at yet, from 0
  u32 before = 0;
  for (const ContentLine& item : content) {
    const std::size_t at = std::min<std::size_t>(item.line, lines.size()) - 1;
    if (item.line <= before || at >= lines.size()) continue;
    const Lines gap = gap_between(lines, next, at);
    const std::size_t split = before == 0 ? 0 : split_gap(gap, indent_of(lines[at]), item.is_pool);
    if (split > 0) comments.of_line[before].below = tidy_up(gap, 0, split);
    Remarks& remarks = comments.of_line[item.line];
    remarks.above = tidy_up(gap, split, gap.size());
    // What heads the file stands apart from its first pool.
    if (before == 0 && !remarks.above.empty() && is_blank_line(gap.back())) {
      remarks.above.emplace_back();
    }
    remarks.behind = comment_behind(lines[at]);
    before = item.line;
    next = at + 1;
  }
  const Lines gap = gap_between(lines, std::min(next, lines.size()), lines.size());
  const std::size_t split = before == 0 ? 0 : split_gap(gap, 0, true);
  if (split > 0) comments.of_line[before].below = tidy_up(gap, 0, split);
  comments.at_end = tidy_up(gap, split, gap.size());
  return comments;
}

}  // namespace ringfold
