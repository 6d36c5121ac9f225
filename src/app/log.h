// The log: one line an event, to stderr or to a file. Used by the supervisor's thread only; workers
// send their lines through their event rings and never wait for a disk.
#pragma once

#include <time.h>

#include <string>
#include <string_view>

#include "ringfold/base/error.h"
#include "ringfold/config.h"

namespace ringfold {

// "2026-11-22T10:47:28.934Z info  worker 0: text" with a line feed. Control bytes in text are
// escaped, so that nothing a client sends can forge a line.
[[nodiscard]] std::string format_log_line(const timespec& time, LogLevel level,
                                          std::string_view text);

class Log {
 public:
  // path: a file to append to, made if need be (mode 0640); empty: stderr. Lines above max_level
  // (debug is the highest) are left out.
  [[nodiscard]] static Expected<Log> open(const std::string& path, LogLevel max_level);

  Log(Log&& other) noexcept;
  Log& operator=(Log&&) = delete;
  ~Log();

  void write(LogLevel level, std::string_view text);

  // Opens the file again by its name, after it was moved away. On failure the old one stays in use.
  // Nothing to do on stderr.
  [[nodiscard]] Expected<void> reopen();

  bool is_file() const { return !path_.empty(); }

 private:
  Log(std::string path, int fd, LogLevel max_level)
      : path_(std::move(path)), fd_(fd), max_level_(max_level) {}

  std::string path_;  // empty: stderr
  int fd_;            // owned unless stderr
  LogLevel max_level_;
};

}  // namespace ringfold
