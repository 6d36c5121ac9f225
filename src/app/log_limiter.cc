#include "app/log_limiter.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace ringfold {
namespace {

// Of all kinds beyond kKindsMax.
constexpr std::string_view kOthers = "";

// The line with each number as one '#', but not within quotes: names of servers and pools count.
std::string kind_of(std::string_view text) {
  std::string kind;
  kind.reserve(text.size());
  bool is_quoted = false;
  for (const char c : text) {
    if (c == '"') is_quoted = !is_quoted;
    const bool is_digit = c >= '0' && c <= '9' && !is_quoted;
    if (!is_digit) {
      kind += c;
    } else if (kind.empty() || kind.back() != '#') {
      kind += '#';
    }
  }
  return kind;
}

}  // namespace

bool LogLimiter::admit(LogLevel level, std::string_view text, Nanos now) {
  std::string name = kind_of(text);
  auto found = kinds_.find(name);
  if (found == kinds_.end()) {
    if (kinds_.size() >= kKindsMax) name = kOthers;
    found = kinds_.try_emplace(std::move(name), Kind{.end = now + kSpan}).first;
    due_ = std::min(due_, found->second.end);
  }
  Kind& kind = found->second;
  if (kind.written < kLinesMax) {
    ++kind.written;
    return true;
  }
  // A summary is as grave as the gravest line it stands for.
  kind.level = kind.left_out == 0 ? level : std::min(kind.level, level);
  ++kind.left_out;
  kind.last = text;
  return false;
}

std::vector<LogLimiter::Summary> LogLimiter::take_summaries(Nanos now) {
  std::vector<Summary> summaries;
  if (now < due_) return summaries;
  due_ = kNever;
  for (auto it = kinds_.begin(); it != kinds_.end();) {
    const Kind& kind = it->second;
    if (kind.end > now) {
      due_ = std::min(due_, kind.end);
      ++it;
      continue;
    }
    if (kind.left_out > 0) {
      summaries.push_back(
          {kind.level, fmt::format("{} more {} like this {} left out: {}", kind.left_out,
                                   kind.left_out == 1 ? "line" : "lines",
                                   kind.left_out == 1 ? "was" : "were", kind.last)});
    }
    it = kinds_.erase(it);
  }
  return summaries;
}

}  // namespace ringfold
