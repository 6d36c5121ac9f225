#include "app/io_choice.h"

#include <fmt/core.h>

#include "ringfold/base/assert.h"

namespace ringfold {

IoOffer probe_io() {
  return {probe_uring(), probe_epoll()};
}

Expected<IoChoice> choose_io(IoKind wanted, const IoOffer& offer) {
  IoChoice choice;
  choice.offer = offer;
  switch (wanted) {
    case IoKind::uring:
      if (!offer.uring.available) {
        return fail(
            fmt::format("io = \"uring\" is not possible here: {}; or set io = \"auto\" to "
                        "go on with epoll",
                        offer.uring.reason));
      }
      break;
    case IoKind::epoll:
      choice.is_epoll = true;
      break;
    case IoKind::automatic:
      choice.may_change = true;
      if (!offer.uring.available) fall_back(choice, offer.uring.reason);
      break;
  }
  return choice;
}

void fall_back(IoChoice& choice, const std::string& refusal) {
  RINGFOLD_ASSERT(choice.may_change);
  choice.may_change = false;
  choice.is_epoll = true;
  choice.refusal = refusal;
}

std::string describe(const IoChoice& choice) {
  if (!choice.is_epoll) return "io_uring: " + to_string(choice.offer.uring);
  const std::string features = to_string(choice.offer.epoll);
  if (choice.refusal.empty()) return fmt::format("epoll: {}", features);
  return fmt::format(
      "epoll ({}) in place of io_uring, at a higher cost per request: {}; or set io = \"epoll\" to "
      "do without this warning",
      features, choice.refusal);
}

Expected<std::unique_ptr<Ring>> open_ring(const RingOptions& options, const IoChoice& choice) {
  return choice.is_epoll ? open_epoll(options, choice.offer.epoll)
                         : open_uring(options, choice.offer.uring);
}

}  // namespace ringfold
