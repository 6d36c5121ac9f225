// The log: one line an event, to stderr or to a file. Used by the supervisor's thread only; workers
// send their lines through their event rings and never wait for a disk.
#pragma once

#include <time.h>

#include <optional>
#include <string>
#include <string_view>

#include "ringfold/base/error.h"
#include "ringfold/config.h"

namespace ringfold {

struct LogLine {
  LogLevel level = LogLevel::info;
  std::string_view text;
  std::optional<u32> worker = {};  // whose event it is; none: the supervisor's
};

// With a line feed; time is UTC.
//   text  2026-11-22T10:47:28.934Z info  worker 0: text
//   json  {"time":"2026-11-22T10:47:28.934Z","level":"info","worker":0,"text":"text"}
// Control bytes in the text are escaped, so that nothing a client sends can forge a line; in JSON
// whatever is not UTF-8 becomes U+FFFD as well.
[[nodiscard]] std::string format_log_line(LogFormat format, const timespec& time,
                                          const LogLine& line);

struct LogOptions {
  std::string path;  // a file to append to, made if need be (mode 0640); empty: stderr
  LogLevel max_level = LogLevel::info;  // lines above it (debug is the highest) are left out
  LogFormat format = LogFormat::text;
};

class Log {
 public:
  [[nodiscard]] static Expected<Log> open(LogOptions options);

  Log(Log&& other) noexcept;
  Log& operator=(Log&&) = delete;
  ~Log();

  void write(const LogLine& line);
  void write(LogLevel level, std::string_view text) { write({level, text}); }

  // Opens the file again by its name, after it was moved away. On failure the old one stays in use.
  // Nothing to do on stderr.
  [[nodiscard]] Expected<void> reopen();

  // From now on this one writes where the other one did, as it did, and the other way round.
  void swap(Log& other) noexcept;
  void set_max_level(LogLevel level) { options_.max_level = level; }

  bool is_file() const { return !options_.path.empty(); }

 private:
  Log(LogOptions options, int fd) : options_(std::move(options)), fd_(fd) {}

  LogOptions options_;
  int fd_;  // owned unless stderr
};

}  // namespace ringfold
