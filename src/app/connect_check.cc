#include "app/connect_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "app/endpoint.h"
#include "app/name_watch.h"
#include "app/probe_server.h"

namespace ringfold {
namespace {

struct Question {
  u32 pool;
  u32 server;
};

struct Answer {
  std::string meaning;                 // the address of a host name; empty: there is no name
  std::optional<std::string> failure;  // nothing: all is well
};

// What the threads and the one who waits for them share. Who comes last frees it: a thread that
// hangs in a lookup is not waited for.
struct Shared {
  explicit Shared(const Config& config_in) : config(config_in) {
    for (u32 pool = 0; pool < config.pools.size(); ++pool) {
      for (u32 server = 0; server < config.pools[pool].servers.size(); ++server) {
        questions.push_back({pool, server});
      }
    }
    answers.resize(questions.size());
  }

  const Config config;
  std::vector<Question> questions;
  std::atomic<std::size_t> next{0};  // the first question that nobody has taken

  std::mutex mutex;
  std::condition_variable news;
  std::vector<std::optional<Answer>> answers;  // under mutex
  std::size_t answered = 0;                    // under mutex
};

// As the program chooses among the addresses of a name. meaning: what a name means, for the reader.
Expected<Address> find_address(const Endpoint& endpoint, std::string& meaning) {
  if (!has_host_name(endpoint)) return resolve(endpoint);
  const auto found = resolve_addresses(endpoint.host, endpoint.port);
  if (!found) return tl::unexpected(found.error());
  const Address address = choose_address(*found, Address{});
  meaning = to_string(address);
  return address;
}

Answer ask(const PoolConfig& pool, const Endpoint& endpoint) {
  Answer answer;
  const auto address = find_address(endpoint, answer.meaning);
  if (!address) {
    answer.failure = address.error().text;
    return answer;
  }
  const Nanos limit = static_cast<Nanos>(pool.connect_timeout_ms) * kMillisecond;
  answer.failure = probe_server(pool, *address, std::min(limit, kConnectCheckMax));
  return answer;
}

void work(Shared& shared) {
  while (true) {
    const std::size_t index = shared.next.fetch_add(1);
    if (index >= shared.questions.size()) return;
    const Question& question = shared.questions[index];
    const PoolConfig& pool = shared.config.pools[question.pool];
    Answer answer = ask(pool, pool.servers[question.server].endpoint);
    const std::lock_guard lock(shared.mutex);
    shared.answers[index] = std::move(answer);
    ++shared.answered;
    shared.news.notify_one();
  }
}

// Why not a single thread could be started, if so; fewer than wanted only take longer.
std::optional<std::string> start_threads(const std::shared_ptr<Shared>& shared) {
  const std::size_t wanted = std::min(shared->questions.size(), kConnectsAtOnce);
  std::size_t started = 0;
  try {
    for (; started < wanted; ++started) std::thread([shared] { work(*shared); }).detach();
  } catch (const std::system_error& error) {
    // The standard library reports a thread the kernel refuses in no other way.
    if (started == 0) return fmt::format("it was not tried: no thread: {}", error.what());
  }
  return std::nullopt;
}

std::string describe(const Shared& shared, const Question& question, const Answer& answer) {
  const PoolConfig& pool = shared.config.pools[question.pool];
  const ServerConfig& server = pool.servers[question.server];
  std::string place = to_string(server.endpoint);
  if (!answer.meaning.empty()) place += fmt::format(" ({})", answer.meaning);
  return fmt::format("pool {}: server {} at {}: {}", shown(pool.name), shown(server.name), place,
                     *answer.failure);
}

}  // namespace

std::vector<ConfigError> find_unreachable_servers(const ExaminedConfig& examined,
                                                  const std::string& file_name) {
  const auto shared = std::make_shared<Shared>(examined.config);
  const auto refusal = start_threads(shared);
  std::unique_lock lock(shared->mutex);
  if (!refusal) {
    shared->news.wait_for(lock, std::chrono::nanoseconds(kConnectCheckMax),
                          [&shared] { return shared->answered == shared->questions.size(); });
  }
  std::vector<ConfigError> warnings;
  for (std::size_t i = 0; i < shared->questions.size(); ++i) {
    const Question& question = shared->questions[i];
    const Answer answer = shared->answers[i].value_or(
        Answer{"", refusal.value_or(fmt::format("nothing is known after {} s, its name is still "
                                                "looked up or others took too long",
                                                kConnectCheckMax / kSecond))});
    if (!answer.failure) continue;
    const FilePlace place = examined.server_places[question.pool][question.server];
    warnings.push_back({file_name, place.line, place.column, describe(*shared, question, answer)});
  }
  return warnings;
}

}  // namespace ringfold
