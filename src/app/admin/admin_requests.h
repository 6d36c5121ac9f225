// What the admin endpoint wants done: a small bounded queue to the supervisor's thread, which is
// the only one that changes anything, and the way back for what came of it.
//
//   asker (a thread of the HTTP server)        supervisor (its poll loop)
//   ask(request, patience)   --queue, fd()-->  take()
//   ... waits, or gives up   <----ticket----   answer(ticket, answer), at once or later
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "app/owned_fd.h"
#include "app/reload_report.h"
#include "ringfold/base/ints.h"
#include "ringfold/config.h"

namespace ringfold {

struct AdminRequest {
  enum class Kind : u8 {
    reload,         // read the configuration file again
    set_log_level,  // level
    nudge_workers,  // wake each worker that runs, to see whether it still turns
  };
  Kind kind = Kind::reload;
  LogLevel level = LogLevel::info;
  u64 ticket = 0;  // set by ask()
};

struct AdminAnswer {
  bool is_available = true;       // false: the process drains
  ReloadReport reload = {};       // of reload
  std::vector<u32> workers = {};  // of nudge_workers: those that were woken
};

// Why there is no answer.
enum class AskFailure : u8 {
  full,  // too many wait already
  late,  // not answered in time; it may still be done
  ends,  // the process ends
};

// Every function may be called from any thread.
class AdminRequests {
 public:
  static constexpr std::size_t kWaitingMax = 8;

  AdminRequests();
  AdminRequests(const AdminRequests&) = delete;
  AdminRequests& operator=(const AdminRequests&) = delete;

  // Blocks until answered, for at most patience.
  [[nodiscard]] tl::expected<AdminAnswer, AskFailure> ask(AdminRequest request, Nanos patience);

  // Readable while a request waits to be taken; negative when the kernel refused it.
  int fd() const { return wake_.get(); }

  // The next request, or nothing.
  [[nodiscard]] std::optional<AdminRequest> take();

  // An answer that nobody waits for any more is dropped.
  void answer(u64 ticket, AdminAnswer answer);

  // From now on every ask(), also one that waits, fails with AskFailure::ends.
  void close();

 private:
  std::mutex mutex_;
  std::condition_variable answered_;
  std::deque<AdminRequest> queue_;                         // not taken yet
  std::map<u64, std::optional<AdminAnswer>> outstanding_;  // one for each ask() that waits
  u64 next_ticket_ = 1;
  bool is_closed_ = false;
  OwnedFd wake_;
};

}  // namespace ringfold
