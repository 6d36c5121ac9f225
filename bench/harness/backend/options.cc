#include "backend/options.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <thread>

#include "app/endpoint.h"
#include "backend/numbers.h"
#include "load/numbers.h"
#include "ringfold/base/limits.h"

namespace ringfold::backend {

namespace {

constexpr int kBadUsage = 2;

constexpr const char* kAbout =
    "A null server: answers Redis or memcached requests at once out of nothing, so that what "
    "stands "
    "in front of it is what saturates. Sizes and bytes of values follow from the keys.";

constexpr const char* kFooter =
    "Service times: 200us, exp:200us, uniform:100us-300us, lognormal:200us,0.5 (median, sigma),\n"
    "  mix:0.9*200us+0.1*exp:5ms. Replies of a connection keep their order.\n"
    "Shares: 0.01, 1% or 1/100.\n"
    "Prints \"listening on ADDRESS\" for each address when it is ready, and on SIGTERM or SIGINT "
    "a\n"
    "line with what it has done. Exit codes: 0 well, 2 bad usage, 3 could not start.";

// What the words of the command line say, before they are looked at.
struct Words {
  std::string protocol = "redis";
  std::vector<std::string> listen;
  std::string threads = "1";
  std::string io = "auto";
  std::string value_size = "32";
  std::string hit_ratio = "1";
  std::string service_time;
  std::string error_rate = "0";
  std::string corrupt_rate = "0";
  std::string swap_rate = "0";
  std::string rate_cap;
  std::string value_seed = "1";
  std::string seed = "1";
};

void declare(CLI::App& app, Words& words) {
  app.description(kAbout);
  app.footer(kFooter);
  app.add_option("--protocol", words.protocol, "redis or memcached [redis]")->type_name("NAME");
  app.add_option("-l,--listen", words.listen,
                 "HOST:PORT (port 0: any free one) or unix:PATH; may be given several times "
                 "[127.0.0.1:0]")
      ->type_name("ADDRESS");
  app.add_option("-t,--threads", words.threads,
                 "threads, each with its own ring; 0: one a core [1]")
      ->type_name("N");
  app.add_option("--io", words.io, "auto, uring or epoll [auto]")->type_name("KIND");
  app.add_option("-d,--value-size", words.value_size,
                 "bytes of values: 32, 16-1024 or 32:70,1024:30 [32]")
      ->type_name("SIZES");
  app.add_option("--hit-ratio", words.hit_ratio, "share of the keys that exist [1]")
      ->type_name("SHARE");
  app.add_option("--service-time", words.service_time,
                 "time between a request and its reply, see below [none]")
      ->type_name("TIME");
  app.add_option("--rate-cap", words.rate_cap,
                 "requests a second, all threads together; more have to queue [none]")
      ->type_name("N");
  app.add_option("--error-rate", words.error_rate, "share of replies that are errors [0]")
      ->type_name("SHARE");
  app.add_option("--corrupt-rate", words.corrupt_rate,
                 "share of replies in which one byte is wrong [0]")
      ->type_name("SHARE");
  app.add_option("--swap-rate", words.swap_rate,
                 "share of replies that change places with the next one, of the same connection or "
                 "of another [0]")
      ->type_name("SHARE");
  app.add_option("--value-seed", words.value_seed,
                 "what values follow from besides their keys; load checks them by the same [1]")
      ->type_name("N");
  app.add_option("--seed", words.seed, "of all random choices [1]")->type_name("N");
}

// Checks the words, one option after the other; the first that is wrong is remembered.
class Reader {
 public:
  double share(std::string_view option, std::string_view text) {
    const auto value = parse_share(text);
    if (!value) {
      wrong(fmt::format("{} {}: write a share from 0 to 1: 0.01, 1% or 1/100", option, text));
    }
    return value.value_or(0);
  }

  u64 number(std::string_view option, std::string_view text, u64 most) {
    const auto value = load::parse_count(text);
    if (!value || *value > most) {
      wrong(fmt::format("{} {}: write a number from 0 to {}", option, text, most));
    }
    return value.value_or(0);
  }

  template <class T>
  T word(std::string_view option, std::string_view text,
         std::initializer_list<std::pair<std::string_view, T>> choices) {
    std::string known;
    for (const auto& [name, value] : choices) {
      if (name == text) return value;
      known.append(known.empty() ? "" : ", ").append(name);
    }
    wrong(fmt::format("{} {}: write one of {}", option, text, known));
    return choices.begin()->second;
  }

  template <class T>
  T parsed(std::string_view option, Expected<T> value) {
    if (value) return std::move(*value);
    wrong(fmt::format("{}: {}", option, value.error().text));
    return T{};
  }

  void wrong(std::string text) {
    if (!error_) error_ = std::move(text);
  }

  const std::optional<std::string>& error() const { return error_; }

 private:
  std::optional<std::string> error_;
};

// An endpoint whose port may be 0.
Expected<Endpoint> parse_listen(const std::string& text) {
  if (!text.ends_with(":0") || text.starts_with("unix:")) return parse_endpoint(text);
  auto endpoint = parse_endpoint(text.substr(0, text.size() - 1) + "1");
  if (endpoint) endpoint->port = 0;
  return endpoint;
}

void read_rate_cap(Reader& reader, const std::string& text, BackendOptions& options) {
  if (text.empty()) return;
  const auto rate = load::parse_decimal(text);
  if (!rate || *rate <= 0 || *rate > 1e9) {
    reader.wrong(fmt::format("--rate-cap {}: write requests a second, above 0", text));
    return;
  }
  options.rate_cap = *rate;
}

BackendOptions read(Reader& reader, const Words& words) {
  BackendOptions options;
  options.protocol =
      reader.word<Protocol>("--protocol", words.protocol,
                            {{"redis", Protocol::redis}, {"memcached", Protocol::memcached}});
  options.io = reader.word<IoKind>(
      "--io", words.io,
      {{"auto", IoKind::automatic}, {"uring", IoKind::uring}, {"epoll", IoKind::epoll}});
  for (const std::string& text : words.listen) {
    options.listen.push_back(reader.parsed("--listen", parse_listen(text)));
  }
  if (options.listen.empty()) options.listen.push_back({"127.0.0.1", 0, ""});
  options.threads = static_cast<u32>(reader.number("--threads", words.threads, kThreadsMax));
  if (options.threads == 0) options.threads = std::max(1u, std::thread::hardware_concurrency());
  options.sizes = reader.parsed("--value-size", load::Sizes::parse(words.value_size));
  options.hit_ratio = reader.share("--hit-ratio", words.hit_ratio);
  if (!words.service_time.empty()) {
    options.service_time = reader.parsed("--service-time", ServiceTime::parse(words.service_time));
  }
  options.sabotage.errors = reader.share("--error-rate", words.error_rate);
  options.sabotage.corruptions = reader.share("--corrupt-rate", words.corrupt_rate);
  options.sabotage.swaps = reader.share("--swap-rate", words.swap_rate);
  read_rate_cap(reader, words.rate_cap, options);
  options.value_seed = reader.number("--value-seed", words.value_seed, UINT64_MAX);
  options.seed = reader.number("--seed", words.seed, UINT64_MAX);
  return options;
}

EarlyEnd bad_usage(const std::string& what) {
  return {kBadUsage, fmt::format("ringfold-bench backend: {}; ringfold-bench backend -h shows the "
                                 "usage\n",
                                 what)};
}

// The library speaks through exceptions; none of them leaves this file.
tl::expected<void, EarlyEnd> parse(CLI::App& app, int argument_count,
                                   const char* const* arguments) {
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::CallForHelp&) {
    return tl::unexpected(EarlyEnd{0, app.help()});
  } catch (const CLI::ParseError& error) {
    std::string what = error.what();
    while (what.ends_with('\n') || what.ends_with('.')) what.pop_back();
    return tl::unexpected(bad_usage(what));
  }
  return {};
}

}  // namespace

tl::expected<BackendOptions, EarlyEnd> parse_backend_options(int argument_count,
                                                             const char* const* arguments) {
  Words words;
  CLI::App app("", "ringfold-bench backend");
  declare(app, words);
  if (auto parsed = parse(app, argument_count, arguments); !parsed) {
    return tl::unexpected(parsed.error());
  }
  Reader reader;
  BackendOptions options = read(reader, words);
  if (reader.error()) return tl::unexpected(bad_usage(*reader.error()));
  return options;
}

}  // namespace ringfold::backend
