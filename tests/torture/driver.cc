#include "driver.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace ringfold::torture {

namespace {

constexpr u64 kWords = UINT64_MAX;  // the standard input, among the visitors' indices
constexpr Nanos kTurn = kMillisecond;
constexpr Nanos kHeldUp = 500 * kMillisecond;
// In calm: besides the aftermath, errors may come for so long (the machine is busy) ...
constexpr Nanos kCalmWithin = 20 * kSecond;
// ... and must then have stayed away for so long.
constexpr Nanos kCalmFor = 3 * kSecond;
constexpr double kCalmRate = 0.2;  // of the full rate

void parse_address(const std::string& text, Surroundings& around) {
  const std::size_t colon = text.rfind(':');
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  u16 port = 0;
  const char* end = text.data() + text.size();
  if (colon == std::string::npos ||
      std::from_chars(text.data() + colon + 1, end, port).ptr != end ||
      ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) != 1) {
    throw std::runtime_error("not an IPv4 address with a port: " + text);
  }
  address.sin_port = htons(port);
  __builtin_memcpy(&around.address, &address, sizeof address);
  around.address_size = sizeof address;
}

}  // namespace

Driver::Driver(const DriverOptions& options)
    : options_(options),
      model_(options.seed, options.keys, options.servers, options.rehash),
      scene_{model_, report_, Prng(options.seed ^ 0x746f7274757265u)},
      around_{scene_, *(dialect_ = options.protocol == "redis" ? redis_dialect(scene_)
                                                               : memcached_dialect(scene_))} {
  load_homes(options.homes);
  parse_address(options.address, around_);
  around_.depth_max = options.depth;
  around_.polite = options.polite;
  around_.deadline = static_cast<Nanos>(options.deadline_ms) * kMillisecond;
  scene_.aftermath = static_cast<Nanos>(options.aftermath_ms) * kMillisecond;
  around_.epoll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event = {EPOLLIN, {.u64 = kWords}};
  if (::epoll_ctl(around_.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) {
    throw std::runtime_error("the standard input must be a pipe");
  }
  for (u32 index = 0; index < options.connections; ++index) {
    visitors_.push_back(std::make_unique<Visitor>(around_, index));
  }
}

Driver::~Driver() {
  ::close(around_.epoll);
}

void Driver::load_homes(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  u32 key = 0;
  for (; std::getline(file, line); ++key) {
    const std::size_t tab = line.find('\t');
    const std::string name = line.substr(tab + 1, line.find('\t', tab + 1) - tab - 1);
    const auto server = std::find(options_.servers.begin(), options_.servers.end(), name);
    if (key >= model_.key_count() || line.substr(0, tab) != model_.name(key) ||
        server == options_.servers.end()) {
      throw std::runtime_error(fmt::format("{}: line {} is not the home of key {}", path, key + 1,
                                           key < model_.key_count() ? model_.name(key) : "-"));
    }
    model_.set_home(key, static_cast<u32>(server - options_.servers.begin()));
  }
  if (key != model_.key_count()) throw std::runtime_error(path + ": not every key has a home");
}

bool Driver::run() {
  scene_.now = clock_now();
  while (report_.violation.empty()) {
    serve_events();
    take_time();
    // Whoever comes first gets the allowance of this turn, so begin somewhere else each time.
    const std::size_t first = scene_.prng.below(visitors_.size());
    for (std::size_t at = 0; at < visitors_.size(); ++at) {
      visitors_[(first + at) % visitors_.size()]->on_time();
    }
    if (!scene_.calm) continue;
    look_at_calm();
    if (around_.closing && std::all_of(visitors_.begin(), visitors_.end(),
                                       [](const auto& visitor) { return visitor->is_closed(); })) {
      break;
    }
  }
  return report_.violation.empty();
}

void Driver::take_time() {
  const Nanos before = scene_.now;
  scene_.now = clock_now();
  model_.set_now(scene_.now);
  const Nanos passed = scene_.now - before;
  if (passed > kHeldUp || scene_.now - pulse_.last_beat() > kHeldUp) hold_still(passed);
  const double rate = options_.rate * (scene_.calm ? kCalmRate : 1.0);
  const double seconds = static_cast<double>(std::min(passed, kHeldUp)) / kSecond;
  around_.allowance = std::min(around_.allowance + rate * seconds, rate / 20);
}

// The machine stood still for so long, or a part of it did: as if all servers had been stopped.
void Driver::hold_still(Nanos passed) {
  report_.stood_still += passed;
  for (const auto& visitor : visitors_) visitor->forgive(passed);
  for (ServerState& server : model_.servers()) server.last_fault = scene_.now;
  if (!scene_.calm) return;
  scene_.calm_since += passed;
  faultless_since_ += passed;
}

void Driver::serve_events() {
  std::array<epoll_event, 256> events;
  const Nanos begin = clock_now();
  int timeout_ms = kTurn / kMillisecond;
  int count = 0;
  do {
    count = ::epoll_wait(around_.epoll, events.data(), events.size(), timeout_ms);
    timeout_ms = 0;
    scene_.now = std::max(scene_.now, begin);
    for (int at = 0; at < count && report_.violation.empty(); ++at) {
      const epoll_event& event = events[static_cast<std::size_t>(at)];
      if (event.data.u64 == kWords) {
        serve_words();
      } else {
        visitors_[event.data.u64]->on_events(event.events);
      }
    }
  } while (count == static_cast<int>(events.size()) && clock_now() - begin < 5 * kTurn);
}

void Driver::serve_words() {
  char bytes[1024];
  const ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (count <= 0) {
    report_.violation = "nobody is left to say what happens to the servers";
    return;
  }
  words_.append(bytes, static_cast<std::size_t>(count));
  std::size_t end = 0;
  while ((end = words_.find('\n')) != std::string::npos) {
    obey(std::string_view(words_).substr(0, end));
    words_.erase(0, end + 1);
    std::fputs("ok\n", stdout);
    std::fflush(stdout);
  }
}

void Driver::obey(std::string_view line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, space);
  if (word == "calm") {
    scene_.calm = true;
    scene_.calm_since = faultless_since_ = scene_.now;
    return;
  }
  u32 server = 0;
  std::from_chars(line.data() + std::min(space + 1, line.size()), line.data() + line.size(),
                  server);
  if (server >= model_.servers().size()) throw std::runtime_error("no such server");
  ServerState& state = model_.servers()[server];
  if (word == "fault") {
    ++state.faults;
  } else if (word == "mended") {
    --state.faults;
    state.last_fault = scene_.now;
  } else if (word == "killing") {
    model_.kill_begins(server);
  } else if (word == "killed") {
    model_.kill_ends(server);
  } else {
    throw std::runtime_error("no such word");
  }
}

u64 Driver::calm_error_count() const {
  u64 total = 0;
  for (const auto& [text, count] : report_.calm_errors) total += count;
  return total;
}

void Driver::look_at_calm() {
  const u64 errors = calm_error_count();
  if (errors != errors_seen_) {
    errors_seen_ = errors;
    faultless_since_ = scene_.now;
  }
  if (scene_.now - faultless_since_ >= kCalmFor) {
    around_.closing = true;
  } else if (scene_.now - scene_.calm_since > kCalmWithin + scene_.aftermath &&
             report_.violation.empty()) {
    report_.violation = "all faults have ended, and there are still errors:\n";
    for (const auto& [text, count] : report_.calm_errors) {
      report_.violation += fmt::format("{} times {}\n", count, text);
    }
  }
}

}  // namespace ringfold::torture
