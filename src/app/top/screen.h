// The screen of `ringfold top`: two readings as lines of text that fit a terminal. Pure functions;
// what comes from outside (names, keys) is stripped of control bytes, so that it cannot lead the
// terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/top/reading.h"

namespace ringfold::top {

struct ScreenOptions {
  std::size_t columns = 100;
  std::size_t rows = 0;  // 0: as many as there are
  bool has_colors = false;
};

// The lines, without line feeds. The rates and percentiles are of what happened between the two
// readings; before is of the same process and earlier.
[[nodiscard]] std::vector<std::string> draw_screen(const Reading& now, const Reading& before,
                                                   std::string_view place,
                                                   const ScreenOptions& options);

// What is wrong, the worst first; empty: nothing.
[[nodiscard]] std::vector<std::string> problems_of(const Reading& now, const Reading& before);

// "1.2 k", "12 MiB", "1.2 ms" ("-" for nothing).
[[nodiscard]] std::string format_count(double value);
[[nodiscard]] std::string format_bytes(double value);
[[nodiscard]] std::string format_seconds(std::optional<double> value);

// The text in at most so many columns, control bytes escaped; what does not fit ends in "~".
[[nodiscard]] std::string fit(std::string_view text, std::size_t columns);

}  // namespace ringfold::top
