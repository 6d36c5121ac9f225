#include "load/start_line.h"

#include "io/clock.h"

namespace ringfold::load {

Nanos StartLine::arrive(const std::string& error) {
  std::unique_lock lock(mutex_);
  if (!error.empty() && error_.empty()) {
    error_ = error;
    is_called_off_.store(true, std::memory_order_relaxed);
  }
  if (--missing_ == 0) {
    start_ = monotonic_now();
    all_are_here_.notify_all();
  } else {
    all_are_here_.wait(lock, [this] { return missing_ == 0; });
  }
  return error_.empty() ? start_ : 0;
}

}  // namespace ringfold::load
