#include "app/log.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "app/endpoint.h"

namespace ringfold {
namespace {

// All of one width, so that the texts stand below each other.
std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return "error";
    case LogLevel::warn:
      return "warn ";
    case LogLevel::info:
      return "info ";
    case LogLevel::debug:
      return "debug";
  }
  return "?";
}

Expected<int> open_file(const std::string& path) {
  // Group readable, as logs are: lines hold addresses and names, never passwords or values.
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) {
    return fail(fmt::format("cannot open the log file {}: {}", path, std::strerror(errno)));
  }
  return fd;
}

}  // namespace

std::string format_log_line(const timespec& time, LogLevel level, std::string_view text) {
  tm utc{};
  gmtime_r(&time.tv_sec, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z {} {}\n", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     time.tv_nsec / kMillisecond, name_of(level), escape_control_bytes(text));
}

Expected<Log> Log::open(const std::string& path, LogLevel max_level) {
  if (path.empty()) return Log("", STDERR_FILENO, max_level);
  const auto fd = open_file(path);
  if (!fd) return tl::unexpected(fd.error());
  return Log(path, *fd, max_level);
}

Log::Log(Log&& other) noexcept
    : path_(std::exchange(other.path_, "")),
      fd_(std::exchange(other.fd_, STDERR_FILENO)),
      max_level_(other.max_level_) {}

Log::~Log() {
  if (is_file()) ::close(fd_);
}

void Log::write(LogLevel level, std::string_view text) {
  if (level > max_level_) return;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const std::string line = format_log_line(now, level, text);
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t count = ::write(fd_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    // A full disk or a reader that went away: there is nowhere left to say so.
    if (count <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

Expected<void> Log::reopen() {
  if (!is_file()) return {};
  const auto fd = open_file(path_);
  if (!fd) return tl::unexpected(fd.error());
  ::close(std::exchange(fd_, *fd));
  return {};
}

}  // namespace ringfold
