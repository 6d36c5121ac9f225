#include "app/top/top.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

#include "app/endpoint.h"
#include "app/poll_time.h"
#include "app/top/reading.h"
#include "app/top/screen.h"
#include "app/top/stats_client.h"

namespace ringfold {
namespace {

using top::Place;
using top::Reading;

constexpr Nanos kInterval = 1 * kSecond;

volatile std::sig_atomic_t g_is_ended = 0;  // by a signal

extern "C" void on_end(int) {
  g_is_ended = 1;
}
extern "C" void on_new_size(int) {}  // only to wake poll()

Expected<Reading> read(const Place& place) {
  // In the environment, since the arguments of a process are everybody's to read.
  const char* const token = std::getenv("RINGFOLD_TOKEN");
  const auto body = top::fetch_stats(place, token == nullptr ? "" : token);
  if (!body) return tl::unexpected(body.error());
  return top::parse_reading(*body);
}

// The terminal while the screen is drawn on it: its other page, no cursor, keys without Enter. It
// is put back as it was at the end.
class Terminal {
 public:
  Terminal() {
    has_mode_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (has_mode_) {
      termios raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    write("\x1b[?1049h\x1b[?25l");
  }
  ~Terminal() {
    write("\x1b[?25h\x1b[?1049l");
    if (has_mode_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  static top::ScreenOptions size() {
    winsize size{};
    top::ScreenOptions options;
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
      options.columns = size.ws_col;
      options.rows = size.ws_row;
    }
    return options;
  }

  // All at once, so that nothing flickers.
  static void draw(const std::vector<std::string>& lines) {
    std::string text = "\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i) {
      text.append(i == 0 ? "" : "\n").append(lines[i]).append("\x1b[K");
    }
    write(text.append("\x1b[J"));
  }

 private:
  static void write(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  bool has_mode_ = false;
  termios before_{};
};

// Until the next second, a key, a signal or a new size. False: it is to end.
bool wait_for_key(Nanos until) {
  while (g_is_ended == 0) {
    const Nanos now = monotonic_now();
    if (now >= until) return true;
    pollfd polled{STDIN_FILENO, POLLIN, 0};
    const int count = ::poll(&polled, 1, poll_timeout(until, now));
    if (count < 0) return g_is_ended == 0;  // a new size: draw anew
    if (count == 0) return true;
    char key = 0;
    // Without a terminal to read from there are no more keys, and nobody to watch.
    if (::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q') return false;
  }
  return false;
}

void take_signals() {
  struct sigaction action {};
  action.sa_handler = on_end;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
  action.sa_handler = on_new_size;
  ::sigaction(SIGWINCH, &action, nullptr);
}

class LiveScreen {
 public:
  explicit LiveScreen(const Place& place) : place_(place) {}

  void ask() {
    auto reading = read(place_);
    failure_.clear();
    if (!reading) {
      failure_ = reading.error().text;
      return;
    }
    const bool is_same =
        now_ && now_->pid == reading->pid && now_->uptime_seconds < reading->uptime_seconds;
    before_ = is_same ? std::move(now_) : std::optional<Reading>(*reading);
    now_ = std::move(*reading);
  }

  void draw(bool has_colors) const {
    top::ScreenOptions options = Terminal::size();
    options.has_colors = has_colors;
    std::vector<std::string> lines;
    if (!failure_.empty()) {
      // On top, and one line less of the rest.
      const std::string text = top::fit("CONNECTION LOST: " + failure_, options.columns);
      lines.push_back(has_colors ? "\x1b[1;7;31m" + text + "\x1b[0m" : text);
      if (options.rows > 1) --options.rows;
    }
    if (now_) {
      for (std::string& line : top::draw_screen(*now_, *before_, place_.text(), options)) {
        lines.push_back(std::move(line));
      }
    }
    Terminal::draw(lines);
  }

 private:
  const Place& place_;
  std::optional<Reading> before_;
  std::optional<Reading> now_;
  std::string failure_;  // empty: there was an answer
};

int run_live(const Place& place) {
  take_signals();
  const char* const no_color = std::getenv("NO_COLOR");  // https://no-color.org
  const bool has_colors = no_color == nullptr || *no_color == '\0';
  const Terminal terminal;
  LiveScreen screen(place);
  Nanos next = monotonic_now();
  do {
    if (monotonic_now() >= next) {
      screen.ask();
      next = monotonic_now() + kInterval;
    }
    screen.draw(has_colors);
  } while (wait_for_key(next));
  return 0;
}

Expected<int> run_once(const Place& place) {
  const auto before = read(place);
  if (!before) return tl::unexpected(before.error());
  std::this_thread::sleep_for(std::chrono::nanoseconds(kInterval));
  const auto now = read(place);
  if (!now) return tl::unexpected(now.error());
  if (now->pid != before->pid) return fail("the process was replaced meanwhile; ask again");
  for (const std::string& line : top::draw_screen(*now, *before, place.text(), {})) {
    fmt::print("{}\n", line);
  }
  return 0;
}

}  // namespace

Expected<void> check_top_url(const std::string& url) {
  if (const auto place = top::parse_place(url); !place) return tl::unexpected(place.error());
  return {};
}

Expected<int> run_top(const TopOptions& options) {
  const auto place = top::parse_place(options.url);
  if (!place) return tl::unexpected(place.error());
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  if (options.is_once || !is_terminal) return run_once(*place);
  return run_live(*place);
}

}  // namespace ringfold
