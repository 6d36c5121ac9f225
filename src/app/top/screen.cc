#include "app/top/screen.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "app/endpoint.h"

namespace ringfold::top {
namespace {

enum class Color { plain, bold, quiet, good, bad, warn };

// Every code point counts as one column, which holds for nearly all that names are made of.
bool begins_code_point(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_code_point));
}

// U+0080 to U+009F steer terminals too.
std::string clean(std::string_view text) {
  std::string out;
  const std::string escaped = escape_control_bytes(text);
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const bool is_control = escaped[i] == '\xc2' && i + 1 < escaped.size() &&
                            static_cast<unsigned char>(escaped[i + 1]) < 0xa0;
    if (is_control) {
      out += '?';
      ++i;
    } else {
      out += escaped[i];
    }
  }
  return out;
}

std::string to_left(std::string_view text, std::size_t columns) {
  std::string out = fit(text, columns);
  return out.append(columns - std::min(columns, width_of(out)), ' ');
}

std::string to_right(std::string_view text, std::size_t columns) {
  const std::string out = fit(text, columns);
  return std::string(columns - std::min(columns, width_of(out)), ' ').append(out);
}

class Screen {
 public:
  Screen(const Reading& now, const Reading& before, const ScreenOptions& options)
      : now_(now),
        before_(before),
        options_(options),
        seconds_(std::max(now.uptime_seconds - before.uptime_seconds, 1e-9)) {}

  std::vector<std::string> draw(std::string_view place);

 private:
  void line(std::string_view text, Color color = Color::plain);
  void draw_head(std::string_view place);
  void draw_verdict();
  void draw_figures();
  void draw_stages();
  void draw_servers();
  void draw_server(const PoolReading& pool, const ServerReading& server, double pool_rate);
  void draw_hot_keys();
  void draw_slow();
  void cut_to_rows();
  double rate(u64 now, u64 before) const {
    return now > before ? static_cast<double>(now - before) / seconds_ : 0;
  }

  const Reading& now_;
  const Reading& before_;
  const ScreenOptions& options_;
  double seconds_;
  std::vector<std::string> lines_;
};

constexpr std::string_view code_of(Color color) {
  switch (color) {
    case Color::bold:
      return "\x1b[1m";
    case Color::quiet:
      return "\x1b[2m";
    case Color::good:
      return "\x1b[1;32m";
    case Color::bad:
      return "\x1b[1;31m";
    case Color::warn:
      return "\x1b[1;33m";
    case Color::plain:
      break;
  }
  return "";
}

void Screen::line(std::string_view text, Color color) {
  std::string out = fit(text, options_.columns);
  while (out.ends_with(' ')) out.pop_back();
  if (options_.has_colors && color != Color::plain) {
    out.insert(0, code_of(color)).append("\x1b[0m");
  }
  lines_.push_back(std::move(out));
}

std::string format_span(double seconds) {
  const auto whole = static_cast<u64>(seconds);
  if (whole >= 86400) return fmt::format("{} d {} h", whole / 86400, whole % 86400 / 3600);
  if (whole >= 3600) return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
  if (whole >= 60) return fmt::format("{} min", whole / 60);
  return fmt::format("{} s", whole);
}

void Screen::draw_head(std::string_view place) {
  line(fmt::format("ringfold {}  {}  process {}  up {}  {}  {} {}", now_.version, place, now_.pid,
                   format_span(now_.uptime_seconds), now_.io, now_.threads,
                   now_.threads == 1 ? "worker" : "workers"),
       Color::bold);
}

void Screen::draw_verdict() {
  const std::vector<std::string> problems = problems_of(now_, before_);
  if (problems.empty()) return line("all well", Color::good);
  constexpr std::size_t kShownMax = 5;
  for (std::size_t i = 0; i < std::min(problems.size(), kShownMax); ++i) {
    line("! " + problems[i], Color::bad);
  }
  if (problems.size() > kShownMax) {
    line(fmt::format("! and {} more", problems.size() - kShownMax), Color::bad);
  }
}

void Screen::draw_figures() {
  double requests = 0;
  double errors = 0;
  double received = 0;
  double sent = 0;
  u64 clients = 0;
  for (const PoolReading& pool : now_.pools) {
    clients += pool.clients;
    const PoolReading* const old = find(before_, pool.name);
    if (old == nullptr) continue;
    requests += rate(pool.requests, old->requests);
    errors += rate(pool.all_errors(), old->all_errors());
    received += rate(pool.bytes_received, old->bytes_received);
    sent += rate(pool.bytes_sent, old->bytes_sent);
  }
  const double cpu = (now_.cpu_seconds - before_.cpu_seconds) / seconds_ * 100;
  line(
      fmt::format("requests {}/s  errors {}/s  clients {}  in {}/s  out {}/s  cpu {:.0f} %  "
                  "memory {}",
                  format_count(requests), format_count(errors), clients, format_bytes(received),
                  format_bytes(sent), cpu, format_bytes(static_cast<double>(now_.memory_bytes))));
}

void merge(Histogram& sum, const Histogram& part) {
  for (const auto& [bound, count] : part) sum[bound] += count;
}

void Screen::draw_stages() {
  Histogram latency;
  Histogram waiting;
  Histogram serving;
  Histogram writing;
  for (const PoolReading& pool : now_.pools) {
    const PoolReading* const old = find(before_, pool.name);
    if (old == nullptr) continue;
    merge(latency, added(pool.latency, old->latency));
    merge(writing, added(pool.writing, old->writing));
    for (const ServerReading& server : pool.servers) {
      const ServerReading* const past = find(*old, server.name);
      if (past == nullptr) continue;
      merge(waiting, added(server.waiting, past->waiting));
      merge(serving, added(server.serving, past->serving));
    }
  }
  line(fmt::format("{:<10}{:>10}{:>10}{:>10}", "", "p50", "p99", "p99.9"), Color::quiet);
  const auto row = [this](std::string_view name, const Histogram& histogram) {
    std::string text = to_left(name, 10);
    for (const double part : {0.5, 0.99, 0.999}) {
      text += to_right(format_seconds(percentile(histogram, part)), 10);
    }
    line(text);
  };
  row("latency", latency);
  row("waiting", waiting);
  row("serving", serving);
  row("writing", writing);
}

// What stands right of the server's name, in columns.
constexpr std::size_t kServerFigures = 64;

void Screen::draw_servers() {
  const std::size_t name =
      std::max<std::size_t>(options_.columns, kServerFigures + 16) - kServerFigures;
  line("");
  line(fmt::format("{:<{}}{:<9}{:>6}{:>6}{:>11}{:>9}{:>6}{:>8}{:>9}", "server", name, "state",
                   "keys", "load", "requests", "p99", "conns", "pending", "errors"),
       Color::quiet);
  for (const PoolReading& pool : now_.pools) {
    const PoolReading* const old = find(before_, pool.name);
    line(fmt::format("{} ({})", clean(pool.name), pool.protocol), Color::bold);
    double total = 0;
    for (const ServerReading& server : pool.servers) {
      const ServerReading* const past = old == nullptr ? nullptr : find(*old, server.name);
      if (past != nullptr) total += rate(server.requests, past->requests);
    }
    for (const bool is_up : {false, true}) {
      for (const ServerReading& server : pool.servers) {
        if ((server.state == "up") == is_up) draw_server(pool, server, total);
      }
    }
  }
}

void Screen::draw_server(const PoolReading& pool, const ServerReading& server, double pool_rate) {
  const std::size_t name =
      std::max<std::size_t>(options_.columns, kServerFigures + 16) - kServerFigures;
  const PoolReading* const old_pool = find(before_, pool.name);
  const ServerReading* const old = old_pool == nullptr ? nullptr : find(*old_pool, server.name);
  const ServerReading& past = old == nullptr ? server : *old;
  const double requests = rate(server.requests, past.requests);
  const std::string load =
      pool_rate > 0 ? fmt::format("{:.0f} %", requests / pool_rate * 100) : "-";
  std::string text =
      to_left(fmt::format("  {} {}", clean(server.name), clean(server.address)), name - 1);
  text += ' ';
  text += to_left(server.state, 9);
  text += to_right(fmt::format("{:.0f} %", server.key_share * 100), 6);
  text += to_right(load, 6);
  text += to_right(format_count(requests) + "/s", 11);
  text += to_right(format_seconds(percentile(added(server.serving, past.serving), 0.99)), 9);
  text += to_right(format_count(static_cast<double>(server.connections)), 6);
  text += to_right(format_count(static_cast<double>(server.pending)), 8);
  text += to_right(format_count(rate(server.errors, past.errors)) + "/s", 9);
  line(text, server.state == "up"     ? Color::plain
             : server.state == "down" ? Color::bad
                                      : Color::warn);
}

void Screen::draw_hot_keys() {
  if (now_.hot_keys.empty()) return;
  line("");
  line("hot keys, share of their pool's requests", Color::quiet);
  constexpr std::size_t kShownMax = 5;
  for (std::size_t i = 0; i < std::min(now_.hot_keys.size(), kShownMax); ++i) {
    const HotKeyReading& key = now_.hot_keys[i];
    line(
        fmt::format("{:>6.1f} %  {}  {}", key.share * 100, clean(key.pool), clean(key.key_prefix)));
  }
}

void Screen::draw_slow() {
  if (now_.slow.empty()) return;
  line("");
  line("slow requests, the latest first: in all, waiting, at the server, writing", Color::quiet);
  constexpr std::size_t kShownMax = 5;
  for (std::size_t i = 0; i < std::min(now_.slow.size(), kShownMax); ++i) {
    const SlowReading& slow = now_.slow[i];
    std::string text;
    for (const double part :
         {slow.total_seconds, slow.waiting_seconds, slow.serving_seconds, slow.writing_seconds}) {
      text += to_right(format_seconds(part), 9);
    }
    line(fmt::format("{}  {}/{}  {} {}", text, clean(slow.pool), clean(slow.server),
                     clean(slow.command), clean(slow.key_prefix)));
  }
}

void Screen::cut_to_rows() {
  if (options_.rows == 0 || lines_.size() <= options_.rows) return;
  const std::size_t left_out = lines_.size() - options_.rows + 1;
  lines_.resize(options_.rows - 1);
  line(fmt::format("... and {} more lines: make the window taller", left_out), Color::quiet);
}

std::vector<std::string> Screen::draw(std::string_view place) {
  draw_head(place);
  draw_verdict();
  draw_figures();
  draw_stages();
  draw_servers();
  draw_hot_keys();
  draw_slow();
  cut_to_rows();
  return std::move(lines_);
}

// Three significant digits.
std::string digits(double value) {
  if (value >= 100 || value == 0) return fmt::format("{:.0f}", value);
  return value >= 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.2f}", value);
}

}  // namespace

std::string format_count(double value) {
  if (value >= 1e9) return digits(value / 1e9) + " G";
  if (value >= 1e6) return digits(value / 1e6) + " M";
  if (value >= 1e4) return digits(value / 1e3) + " k";
  return value == std::floor(value) ? fmt::format("{:.0f}", value) : digits(value);
}

std::string format_bytes(double value) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; value >= 1024 && unit < std::size(kUnits) - 1; ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{:.0f} B", value)
                   : fmt::format("{} {}", digits(value), kUnits[unit]);
}

std::string format_seconds(std::optional<double> value) {
  if (!value) return "-";
  if (*value >= 1) return digits(*value) + " s";
  if (*value >= 1e-3) return digits(*value * 1e3) + " ms";
  return digits(*value * 1e6) + " us";
}

std::string fit(std::string_view text, std::size_t columns) {
  const std::string safe = clean(text);
  if (width_of(safe) <= columns) return safe;
  std::string out;
  std::size_t width = 0;
  for (const char byte : safe) {
    if (begins_code_point(byte) && ++width >= columns) break;
    out += byte;
  }
  if (columns > 0) out += '~';
  return out;
}

std::vector<std::string> problems_of(const Reading& now, const Reading& before) {
  std::vector<std::string> problems;
  for (const PoolReading& pool : now.pools) {
    for (const ServerReading& server : pool.servers) {
      if (server.state == "up") continue;
      problems.push_back(fmt::format("server {} ({}) of pool {} is {}", server.name, server.address,
                                     pool.name, server.state));
    }
  }
  const double seconds = std::max(now.uptime_seconds - before.uptime_seconds, 1e-9);
  for (const PoolReading& pool : now.pools) {
    const PoolReading* const old = find(before, pool.name);
    std::string reasons;
    for (const auto& [reason, count] : pool.errors) {
      const auto past = old == nullptr ? pool.errors.end() : old->errors.find(reason);
      const bool is_known = old != nullptr && past != old->errors.end();
      const u64 grown = is_known ? count - std::min(count, past->second) : 0;
      if (grown == 0) continue;
      reasons += fmt::format("{}{} {}/s", reasons.empty() ? "" : ", ", reason,
                             format_count(static_cast<double>(grown) / seconds));
    }
    if (!reasons.empty()) {
      problems.push_back(fmt::format("pool {} answers with errors: {}", pool.name, reasons));
    }
  }
  if (now.pressure != "none") problems.push_back(fmt::format("memory is {}", now.pressure));
  if (now.is_draining) problems.emplace_back("the process is draining and will end");
  return problems;
}

std::vector<std::string> draw_screen(const Reading& now, const Reading& before,
                                     std::string_view place, const ScreenOptions& options) {
  return Screen(now, before, options).draw(place);
}

}  // namespace ringfold::top
