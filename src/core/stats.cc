#include "core/stats.h"

namespace ringfold {

const char* name_of(ClientError error) {
  switch (error) {
    case ClientError::protocol:
      return "protocol";
    case ClientError::command:
      return "command";
    case ClientError::unsupported:
      return "unsupported";
    case ClientError::keys_apart:
      return "keys_apart";
    case ClientError::unauthenticated:
      return "unauthenticated";
    case ClientError::memory:
      return "memory";
    case ClientError::turned_away:
      return "turned_away";
    case ClientError::output_limit:
      return "output_limit";
    case ClientError::memory_limit:
      return "memory_limit";
    case ClientError::idle:
      return "idle";
    case ClientError::cut_off:
      return "reply_cut_off";
    case ClientError::no_request_slot:
      return "out_of_requests";
  }
  return "";
}

const char* name_of(Failure failure) {
  switch (failure) {
    case Failure::none:
      return "none";
    case Failure::timed_out:
      return "timed_out";
    case Failure::connect_timed_out:
      return "connect_timed_out";
    case Failure::refused:
      return "refused";
    case Failure::unreachable:
      return "unreachable";
    case Failure::closed:
      return "closed";
    case Failure::reset:
      return "reset";
    case Failure::bad_reply:
      return "bad_reply";
    case Failure::reply_too_large:
      return "reply_too_large";
    case Failure::password_refused:
      return "password_refused";
    case Failure::database_refused:
      return "database_refused";
    case Failure::probe_refused:
      return "probe_refused";
    case Failure::overloaded:
      return "over_limit";
    case Failure::ejected:
      return "ejected";
    case Failure::unresolved:
      return "unresolved";
    case Failure::cut_off:
      return "cut_off";
    case Failure::out_of_descriptors:
      return "out_of_descriptors";
    case Failure::out_of_requests:
      return "out_of_requests";
    case Failure::keys_moved:
      return "keys_moved";
  }
  return "";
}

}  // namespace ringfold
