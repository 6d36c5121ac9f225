// Resolver: a thread that looks host names up, one after the other, because getaddrinfo blocks, for
// as long as it likes, and neither the supervisor nor a worker may. Owner: the supervisor's thread,
// which asks and takes answers and never waits.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>

#include "app/name_watch.h"
#include "app/owned_fd.h"
#include "ringfold/base/spsc_ring.h"

namespace ringfold {

// Looks a host name up; may block. Called in the resolver's thread.
using Lookup = std::function<LookupResult(const std::string& host)>;

// The machine's own resolver.
[[nodiscard]] LookupResult look_up_host(const std::string& host);

class Resolver {
 public:
  // Starts the thread. The error says why it could not.
  [[nodiscard]] static Expected<std::unique_ptr<Resolver>> start(Lookup lookup);

  // Does not wait for a lookup under way: its thread ends when the lookup does, or with the
  // process.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Readable when an answer is there; take_answer() clears it. Valid until: the destructor.
  int fd() const { return shared_->wake.get(); }

  // Requires: no question is without its answer.
  void ask(std::string host);

  // The answer to the last ask(), once.
  [[nodiscard]] std::optional<LookupResult> take_answer();

 private:
  // What both threads hold on to; the last one to let go frees it. There is one question at most,
  // so rings of one place do.
  struct Shared {
    explicit Shared(Lookup lookup_in, int wake_fd) : lookup(std::move(lookup_in)), wake(wake_fd) {}

    const Lookup lookup;
    SpscRing<std::string> questions{1};
    SpscRing<std::optional<LookupResult>> answers{1};
    std::counting_semaphore<> news{0};  // for the thread: a question, or the end
    std::atomic<bool> is_over{false};
    OwnedFd wake;
  };

  explicit Resolver(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  static void run(Shared& shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace ringfold
