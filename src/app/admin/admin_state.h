// AdminState: what the supervisor lets the admin endpoint know, beside the numbers. Written by the
// supervisor's thread, read by the HTTP server's.
#pragma once

#include <atomic>
#include <mutex>
#include <utility>

#include "ringfold/config.h"

namespace ringfold {

class AdminState {
 public:
  enum class Phase : u8 { starting, ready, draining };

  explicit AdminState(Config config) : config_(std::move(config)), log_level_(config_.log_level) {}

  void set_phase(Phase phase) { phase_.store(phase, std::memory_order_release); }
  Phase phase() const { return phase_.load(std::memory_order_acquire); }

  // The configuration in use; a reload publishes the new one. Its log level is the one in use.
  void publish(Config config) {
    const std::lock_guard lock(mutex_);
    config_ = std::move(config);
    log_level_ = config_.log_level;
  }
  void set_log_level(LogLevel level) {
    const std::lock_guard lock(mutex_);
    log_level_ = level;
  }
  [[nodiscard]] Config config() const {
    const std::lock_guard lock(mutex_);
    Config copy = config_;
    copy.log_level = log_level_;
    return copy;
  }

 private:
  std::atomic<Phase> phase_{Phase::starting};
  mutable std::mutex mutex_;  // for what follows
  Config config_;
  LogLevel log_level_;
};

}  // namespace ringfold
