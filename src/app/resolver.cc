#include "app/resolver.h"

#include <fmt/core.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "app/all_signals_blocked.h"
#include "ringfold/base/assert.h"

namespace ringfold {

LookupResult look_up_host(const std::string& host) {
  return resolve_addresses(host, 0);
}

Expected<std::unique_ptr<Resolver>> Resolver::start(Lookup lookup) {
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) return fail(fmt::format("cannot open an eventfd: {}", std::strerror(errno)));
  const auto shared = std::make_shared<Shared>(std::move(lookup), wake);
  const AllSignalsBlocked blocked;
  try {
    std::thread([shared] { run(*shared); }).detach();
  } catch (const std::system_error& error) {
    // The standard library reports a thread the kernel refuses in no other way.
    return fail(fmt::format(
        "cannot start the thread that resolves names: {}; raise the limit on processes (ulimit -u)",
        error.what()));
  }
  return std::unique_ptr<Resolver>(new Resolver(shared));
}

Resolver::~Resolver() {
  shared_->is_over.store(true, std::memory_order_relaxed);
  shared_->news.release();
}

void Resolver::ask(std::string host) {
  const bool was_pushed = shared_->questions.try_push(std::move(host));
  RINGFOLD_ASSERT(was_pushed);
  shared_->news.release();
}

std::optional<LookupResult> Resolver::take_answer() {
  u64 count = 0;
  // Emptied before the ring is: what comes behind wakes again.
  [[maybe_unused]] const ssize_t size = ::read(shared_->wake.get(), &count, sizeof count);
  std::optional<LookupResult> answer;
  if (!shared_->answers.try_pop(answer)) return std::nullopt;
  return answer;
}

void Resolver::run(Shared& shared) {
  ::prctl(PR_SET_NAME, "ringfold-dns");
  std::string host;
  while (true) {
    shared.news.acquire();
    if (shared.is_over.load(std::memory_order_relaxed)) return;
    const bool was_asked = shared.questions.try_pop(host);
    RINGFOLD_ASSERT(was_asked);
    const bool was_pushed = shared.answers.try_push(shared.lookup(host));
    RINGFOLD_ASSERT(was_pushed);
    const u64 one = 1;
    // An eventfd write fails only when its counter is full, and then the supervisor is awake.
    [[maybe_unused]] const ssize_t written = ::write(shared.wake.get(), &one, sizeof one);
  }
}

}  // namespace ringfold
