#include "app/admin/admin_site.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/admin/dashboard.h"
#include "app/effective_config.h"
#include "app/metrics.h"
#include "app/poll_time.h"
#include "app/route.h"
#include "app/stats_json.h"

namespace ringfold {
namespace {

constexpr const char* kJson = "application/json";

// A reload reads a file and builds rings; the answer may have to wait for what is under way.
constexpr Nanos kReloadPatience = 30 * kSecond;
constexpr Nanos kPatience = 5 * kSecond;
// A worker turns within microseconds, unless it is stuck or its core is not its own.
constexpr Nanos kTurnPatience = 2 * kSecond;

HttpResponse text(int status, std::string body) {
  return {status, "text/plain; charset=utf-8", body.append("\n")};
}

// Bytes that are no UTF-8 (a key, a name) become U+FFFD instead of an exception.
HttpResponse json(int status, const nlohmann::ordered_json& body) {
  constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
  return {status, kJson, body.dump(-1, ' ', false, kReplace).append("\n")};
}

HttpResponse no_answer(AskFailure failure) {
  switch (failure) {
    case AskFailure::full:
      return text(503, "too many requests wait for the supervisor; try again");
    case AskFailure::late:
      return text(504, "the supervisor did not answer in time; the log tells what comes of it");
    case AskFailure::ends:
      break;
  }
  return text(503, "the process is ending");
}

u64 turns_of(const StatsView& view, u32 worker) {
  return worker < view.workers.size() ? view.workers[worker].ticks : 0;
}

// Only one change at a time: the threads that answer must not all wait for the supervisor.
class OneAtATime {
 public:
  explicit OneAtATime(std::atomic<bool>& flag) : flag_(flag), is_mine_(!flag.exchange(true)) {}
  ~OneAtATime() {
    if (is_mine_) flag_.store(false);
  }
  OneAtATime(const OneAtATime&) = delete;
  OneAtATime& operator=(const OneAtATime&) = delete;
  bool is_mine() const { return is_mine_; }

 private:
  std::atomic<bool>& flag_;
  bool is_mine_;
};

void add_security_headers(HttpResponse& response) {
  // Whoever finds a way to show this in a frame or to take it for a script is not to succeed.
  response.headers.insert(response.headers.end(),
                          {{"Cache-Control", "no-store"},
                           {"X-Content-Type-Options", "nosniff"},
                           {"X-Frame-Options", "DENY"},
                           {"Referrer-Policy", "no-referrer"},
                           {"Cross-Origin-Resource-Policy", "same-origin"}});
}

}  // namespace

struct AdminSite::Page {
  const char* path;
  bool is_change;  // POST; else GET and HEAD
  Access access;
  HttpResponse (AdminSite::*serve)(const HttpRequest& request);
};

const AdminSite::Page AdminSite::kPages[] = {
    {"/", false, Access::read, &AdminSite::dashboard},
    {"/metrics", false, Access::read, &AdminSite::metrics},
    {"/stats", false, Access::read, &AdminSite::stats},
    {"/config", false, Access::read_keys, &AdminSite::config},
    {"/healthz", false, Access::read, &AdminSite::healthz},
    {"/readyz", false, Access::read, &AdminSite::readyz},
    {"/route", false, Access::read, &AdminSite::route},
    {"/hotkeys", false, Access::read_keys, &AdminSite::hot_keys},
    {"/slowlog", false, Access::read_keys, &AdminSite::slow_log},
    {"/reload", true, Access::change, &AdminSite::reload},
    {"/log", true, Access::change, &AdminSite::log},
};

AdminSite::AdminSite(const AdminState& state, AdminRequests& requests,
                     std::function<StatsView()> gather)
    : state_(state),
      requests_(requests),
      gather_(std::move(gather)),
      machine_(access_rules(state.config())) {}

AccessRules AdminSite::rules() const {
  return {state_.config().admin_token, machine_.names};
}

HttpResponse AdminSite::answer(const HttpRequest& request) {
  HttpResponse response;
  const auto page = std::ranges::find(kPages, request.path, &Page::path);
  if (page == std::end(kPages)) {
    std::string known;
    for (const Page& each : kPages)
      known += fmt::format("{}{}", known.empty() ? "" : " ", each.path);
    response = text(404, "there is no such page; there are: " + known);
  } else if (page->is_change ? request.method != "POST"
                             : request.method != "GET" && request.method != "HEAD") {
    const char* const allowed = page->is_change ? "POST" : "GET, HEAD";
    response = text(405, fmt::format("{} takes {}", page->path, allowed));
    response.headers.emplace_back("Allow", allowed);
  } else if (auto refusal = refuse(request, page->access, rules())) {
    response = std::move(*refusal);
  } else {
    response = (this->*page->serve)(request);
  }
  add_security_headers(response);
  return response;
}

HttpResponse AdminSite::dashboard(const HttpRequest&) {
  return {200,
          "text/html; charset=utf-8",
          std::string(kDashboardPage),
          {{"Content-Security-Policy", kDashboardPolicy}}};
}

HttpResponse AdminSite::metrics(const HttpRequest&) {
  return {200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(gather_())};
}

HttpResponse AdminSite::stats(const HttpRequest& request) {
  StatsView view = gather_();
  if (const std::string* const format = request.parameter("format"); format != nullptr) {
    if (*format == "nutcracker") return {200, kJson, nutcracker_stats_json(view)};
    if (*format != "json") return text(400, "format must be json or nutcracker");
  }
  const bool is_withheld = refuse(request, Access::read_keys, rules()).has_value();
  if (is_withheld) {
    view.slow.clear();
    view.hot_keys.clear();
  }
  HttpResponse response{200, kJson, stats_json(view)};
  if (is_withheld) response.headers.emplace_back("X-Ringfold-Withheld", "keys");
  return response;
}

HttpResponse AdminSite::config(const HttpRequest&) {
  return {200, "application/toml; charset=utf-8", effective_config(state_.config())};
}

// Woken, an idle worker turns at once; so its count of turns tells whether it can.
HttpResponse AdminSite::healthz(const HttpRequest&) {
  const StatsView before = gather_();
  const auto woken = requests_.ask({AdminRequest::Kind::nudge_workers}, kPatience);
  if (!woken) return no_answer(woken.error());
  const Nanos deadline = monotonic_now() + kTurnPatience;
  while (true) {
    const StatsView now = gather_();
    const auto stuck = std::ranges::find_if(woken->workers, [&](u32 worker) {
      return turns_of(now, worker) == turns_of(before, worker);
    });
    if (stuck == woken->workers.end()) return text(200, "ok");
    if (monotonic_now() >= deadline) {
      return text(
          503, fmt::format("worker {} has not turned for {} s", *stuck, kTurnPatience / kSecond));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

HttpResponse AdminSite::readyz(const HttpRequest&) {
  switch (state_.phase()) {
    case AdminState::Phase::starting:
      return text(503, "starting: the workers do not listen yet");
    case AdminState::Phase::draining:
      return text(503, "draining: no new clients are taken");
    case AdminState::Phase::ready:
      break;
  }
  return text(200, "ready");
}

HttpResponse AdminSite::route(const HttpRequest& request) {
  const std::string* const pool = request.parameter("pool");
  const std::string* const key = request.parameter("key");
  const std::string* const hex = request.parameter("hex");
  if (pool == nullptr || (key == nullptr) == (hex == nullptr)) {
    return text(400, "/route?pool=NAME&key=KEY (or hex= with the key's bytes as digits)");
  }
  std::optional<std::string> bytes;
  if (key != nullptr) bytes = *key;
  if (hex != nullptr) bytes = parse_hex(*hex);
  if (!bytes) return text(400, "hex is not an even number of digits 0-9, a-f, A-F");
  const auto found = find_server(state_.config(), *pool, *bytes);
  if (!found) return text(400, found.error().text);
  nlohmann::ordered_json body = {{"pool", *pool}};
  body[key != nullptr ? "key" : "hex"] = key != nullptr ? *key : *hex;
  body["server"] = found->name;
  body["address"] = to_string(found->endpoint);
  return json(200, body);
}

HttpResponse AdminSite::part_of_stats(const char* name) const {
  StatsView view = gather_();
  view.pools.clear();
  view.workers.clear();
  return json(200, nlohmann::ordered_json::parse(stats_json(view))[name]);
}

HttpResponse AdminSite::hot_keys(const HttpRequest&) {
  return part_of_stats("hot_keys");
}

HttpResponse AdminSite::slow_log(const HttpRequest&) {
  return part_of_stats("slow");
}

HttpResponse AdminSite::reload(const HttpRequest&) {
  const OneAtATime change(is_changing_);
  if (!change.is_mine()) return text(503, "another change is under way; try again");
  const auto answer = requests_.ask({AdminRequest::Kind::reload}, kReloadPatience);
  if (!answer) return no_answer(answer.error());
  if (!answer->is_available) return text(503, "nothing is reloaded while the process drains");
  const ReloadReport& report = answer->reload;
  return json(
      report.is_applied ? 200 : 422,
      {{"applied", report.is_applied}, {"lines", report.lines}, {"warnings", report.warnings}});
}

HttpResponse AdminSite::log(const HttpRequest& request) {
  constexpr const char* kWords[] = {"error", "warn", "info", "debug"};
  const std::string* const word = request.parameter("level");
  const auto place = word == nullptr ? std::end(kWords) : std::ranges::find(kWords, *word);
  if (place == std::end(kWords)) return text(400, "/log?level= error, warn, info or debug");
  const OneAtATime change(is_changing_);
  if (!change.is_mine()) return text(503, "another change is under way; try again");
  const auto level = static_cast<LogLevel>(place - std::begin(kWords));
  const auto answer = requests_.ask({AdminRequest::Kind::set_log_level, level}, kPatience);
  if (!answer) return no_answer(answer.error());
  return json(200, {{"level", *word}});
}

}  // namespace ringfold
