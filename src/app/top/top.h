// `ringfold top`: the dashboard for a terminal. Asks each second and draws anew; q ends it.
#pragma once

#include <string>

#include "ringfold/base/error.h"

namespace ringfold {

struct TopOptions {
  std::string url = "http://127.0.0.1:22222";
  bool is_once =
      false;  // one report over one second as plain text, also when stdout is no terminal
};

// Ends with 0. The error is that nobody answered (is_once only: else it waits for one who does), or
// that the URL is none (of usage).
[[nodiscard]] Expected<int> run_top(const TopOptions& options);

// Whether the URL can be asked. The error is one of usage.
[[nodiscard]] Expected<void> check_top_url(const std::string& url);

}  // namespace ringfold
