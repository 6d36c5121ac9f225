#include "app/log.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/endpoint.h"
#include "app/settings.h"

namespace ringfold {
namespace {

std::string format_time(const timespec& time) {
  tm utc{};
  gmtime_r(&time.tv_sec, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     time.tv_nsec / kMillisecond);
}

// dump() writes control bytes as \u00XX by itself.
std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
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

std::string format_log_line(LogFormat format, const timespec& time, const LogLine& line) {
  const std::string at = format_time(time);
  if (format == LogFormat::json) {
    const std::string worker = line.worker ? fmt::format("\"worker\":{},", *line.worker) : "";
    return fmt::format("{{\"time\":\"{}\",\"level\":\"{}\",{}\"text\":{}}}\n", at,
                       log_level_name(line.level), worker, json_string(line.text));
  }
  const std::string worker = line.worker ? fmt::format("worker {}: ", *line.worker) : "";
  // All levels as wide as the widest, so that the texts stand below each other.
  return fmt::format("{} {:5} {}{}\n", at, log_level_name(line.level), worker,
                     escape_control_bytes(line.text));
}

Expected<Log> Log::open(LogOptions options) {
  if (options.path.empty()) return Log(std::move(options), STDERR_FILENO);
  const auto fd = open_file(options.path);
  if (!fd) return tl::unexpected(fd.error());
  return Log(std::move(options), *fd);
}

Log::Log(Log&& other) noexcept
    : options_(std::move(other.options_)), fd_(std::exchange(other.fd_, STDERR_FILENO)) {
  other.options_.path.clear();
}

Log::~Log() {
  if (is_file()) ::close(fd_);
}

void Log::write(const LogLine& line) {
  if (line.level > options_.max_level) return;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const std::string text = format_log_line(options_.format, now, line);
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t count = ::write(fd_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    // A full disk or a reader that went away: there is nowhere left to say so.
    if (count <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

void Log::swap(Log& other) noexcept {
  std::swap(options_, other.options_);
  std::swap(fd_, other.fd_);
}

Expected<void> Log::reopen() {
  if (!is_file()) return {};
  const auto fd = open_file(options_.path);
  if (!fd) return tl::unexpected(fd.error());
  ::close(std::exchange(fd_, *fd));
  return {};
}

}  // namespace ringfold
