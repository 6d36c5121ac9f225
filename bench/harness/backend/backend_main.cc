#include "backend/backend_main.h"

#include <fmt/core.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "app/io_choice.h"
#include "app/owned_fd.h"
#include "backend/null_worker.h"
#include "backend/options.h"
#include "io/socket.h"

namespace ringfold::backend {

namespace {

constexpr int kCouldNotStart = 3;

// The kernel may otherwise wake a thread up to 50 us late, so that many wake together.
constexpr unsigned long kTimerSlackNanos = 1;

// One socket for each address. TCP: the first worker's, made here so that a port of 0 is drawn
// once; unix: all workers'.
struct OpenListeners {
  std::vector<std::unique_ptr<OwnedFd>> descriptors;
  std::vector<SharedListener> of_first;   // worker
  std::vector<SharedListener> of_others;  // those that are not shared have no descriptor
  std::vector<std::string> socket_files;
};

Expected<void> open_one(const Endpoint& endpoint, OpenListeners& listeners) {
  auto address = resolve(endpoint);
  if (!address) return tl::unexpected(address.error());
  if (auto unused = check_address_unused(*address); !unused) return unused;
  const auto fd = open_listener(*address, ListenOptions{.backlog = 4096});
  if (!fd) return tl::unexpected(fd.error());
  listeners.descriptors.push_back(std::make_unique<OwnedFd>(*fd));
  if (address->is_unix()) {
    listeners.socket_files.push_back(endpoint.unix_path);
  } else {
    // The kernel knows which port it has chosen.
    address->length = sizeof address->storage;
    sockaddr* const place = reinterpret_cast<sockaddr*>(&address->storage);
    if (::getsockname(*fd, place, &address->length) != 0) {
      return fail(describe_descriptor_failure("a listener", errno));
    }
  }
  listeners.of_first.push_back({*address, *fd});
  listeners.of_others.push_back({*address, address->is_unix() ? *fd : -1});
  return {};
}

Expected<OpenListeners> open_listeners(const std::vector<Endpoint>& endpoints) {
  OpenListeners listeners;
  for (const Endpoint& endpoint : endpoints) {
    if (auto opened = open_one(endpoint, listeners); !opened) {
      for (const std::string& path : listeners.socket_files) ::unlink(path.c_str());
      return tl::unexpected(opened.error());
    }
  }
  return listeners;
}

struct Shared {
  const BackendOptions& options;
  const IoChoice& io;
  const Store& store;
  const OpenListeners& listeners;
  std::atomic<bool> must_stop{false};
  std::latch started;
};

// A worker in its thread.
class Thread {
 public:
  Thread(Shared& shared, u32 index) : shared_(shared), index_(index), thread_([this] { run(); }) {}
  ~Thread() { thread_.join(); }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  // Once it has started.
  const std::string& failure() const { return failure_; }

  // Requires: Shared::must_stop is set. The ring stays open until the thread is told to close it.
  void wake() {
    if (ring_) ring_->ring_doorbell();
  }
  void let_go() {
    may_close_.store(true, std::memory_order_release);
    may_close_.notify_one();
  }

  // Once it has stopped.
  void await_end() { has_ended_.wait(); }
  const Counters& counters() const { return counters_; }

 private:
  void run();
  Expected<void> open(std::unique_ptr<NullWorker>& worker);

  Shared& shared_;
  const u32 index_;
  std::string failure_;
  Counters counters_;
  std::unique_ptr<Ring> ring_;
  std::atomic<bool> may_close_{false};
  std::latch has_ended_{1};
  std::thread thread_;  // last: it uses all of the above
};

Expected<void> Thread::open(std::unique_ptr<NullWorker>& worker) {
  auto ring = open_ring(RingOptions{}, shared_.io);
  if (!ring) return tl::unexpected(ring.error());
  ring_ = std::move(*ring);
  worker = std::make_unique<NullWorker>(shared_.options, shared_.store, *ring_, index_);
  const OpenListeners& listeners = shared_.listeners;
  return worker->listen(index_ == 0 ? listeners.of_first : listeners.of_others);
}

void Thread::run() {
  ::prctl(PR_SET_NAME, fmt::format("backend-{}", index_).c_str());
  ::prctl(PR_SET_TIMERSLACK, kTimerSlackNanos);
  std::unique_ptr<NullWorker> worker;
  if (auto opened = open(worker); !opened) failure_ = opened.error().text;
  const bool is_good = failure_.empty();
  shared_.started.count_down();
  while (is_good && !shared_.must_stop.load(std::memory_order_acquire)) worker->tick();
  if (worker) counters_ = worker->counters();
  has_ended_.count_down();
  may_close_.wait(false, std::memory_order_acquire);
  // The kernel lets go of the worker's memory before that goes.
  ring_.reset();
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::string summary(const Counters& counters, double cpu) {
  const double each =
      counters.requests == 0 ? 0 : cpu * 1e6 / static_cast<double>(counters.requests);
  return fmt::format(
      "requests={} connections={} cpu_seconds={:.6f} us_per_request={:.3f} errors={} corrupted={} "
      "swapped={}\n",
      counters.requests, counters.connections, cpu, each, counters.errors, counters.corrupted,
      counters.swapped);
}

void say(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

// Runs until a signal comes. The first failure to start, or nothing.
std::string serve(const BackendOptions& options, const IoChoice& io, const Store& store,
                  const OpenListeners& listeners) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  // Before the first thread: all inherit it.
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  Shared shared{options, io, store, listeners, {}, std::latch(options.threads)};
  std::vector<std::unique_ptr<Thread>> threads;
  for (u32 i = 0; i < options.threads; ++i) threads.push_back(std::make_unique<Thread>(shared, i));
  shared.started.wait();
  std::string failure;
  for (const auto& thread : threads) {
    if (failure.empty()) failure = thread->failure();
  }
  const double cpu_before = cpu_seconds();
  if (failure.empty()) {
    for (const auto& [address, fd] : listeners.of_first) {
      say(fmt::format("listening on {}{}\n", address.is_unix() ? "unix:" : "", to_string(address)));
    }
    int number = 0;
    ::sigwait(&signals, &number);
  }
  shared.must_stop.store(true, std::memory_order_release);
  for (const auto& thread : threads) thread->wake();
  Counters counters;
  for (const auto& thread : threads) {
    thread->await_end();
    counters.add(thread->counters());
  }
  if (failure.empty()) say(summary(counters, cpu_seconds() - cpu_before));
  for (const auto& thread : threads) thread->let_go();
  threads.clear();
  return failure;
}

int could_not_start(const std::string& why) {
  std::fputs(fmt::format("ringfold-bench backend: {}\n", why).c_str(), stderr);
  return kCouldNotStart;
}

}  // namespace

int backend_main(int argument_count, char** arguments) {
  const auto options = parse_backend_options(argument_count, arguments);
  if (!options) {
    std::fputs(options.error().text.c_str(), options.error().code == 0 ? stdout : stderr);
    return options.error().code;
  }
  raise_descriptor_limit();
  const auto io = choose_io(options->io, probe_io());
  if (!io) return could_not_start(io.error().text);
  const auto listeners = open_listeners(options->listen);
  if (!listeners) return could_not_start(listeners.error().text);
  const load::Values values(options->sizes, options->value_seed);
  const Store store(values, options->hit_ratio);
  const std::string failure = serve(*options, *io, store, *listeners);
  for (const std::string& path : listeners->socket_files) ::unlink(path.c_str());
  return failure.empty() ? 0 : could_not_start(failure);
}

}  // namespace ringfold::backend
