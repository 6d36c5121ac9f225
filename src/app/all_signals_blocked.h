// AllSignalsBlocked: while it lives, the calling thread takes no signal, and neither do the threads
// it starts: they inherit the mask. Signals are the supervisor's, which reads them from a
// descriptor.
#pragma once

#include <csignal>

namespace ringfold {

class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace ringfold
