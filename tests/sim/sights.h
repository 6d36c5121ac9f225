// Sights: what has been seen in a world, so that a summary can say in how many worlds each fault
// and each answer to it came up, and a test can fail when one of them comes up nowhere. What the
// proxy does it tells in its log and in its errors: both are read here.
#pragma once

#include <string>
#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold::sim {

enum class Sight : u8 {
  // In the proxy's log.
  ejection,
  back,  // a server that was down or ejected
  memory_tight,
  worst_closed,
  output_closed,
  turned_away,
  cut_off,
  retired_failed,
  connection_stuck,
  accept_failed,
  // In errors to clients.
  ejected_error,
  keys_moved_error,
  memory_error,
  overload_error,
  reply_too_large,
  no_address,
  not_ready,
  connect_timeout,
  refused,
  unreachable,
  request_timeout,
  closed_connection,
  broken_connection,
  cut_off_error,
  no_descriptor,
  password_refused,
  database_refused,
  first_own,
  // Noticed by whoever does it or sees it.
  ejected_miss = first_own,  // a failed server's key looks like a miss
  throttle,                  // a client is not read because a server has enough to do
  idle_closed,
  lookup_asked,
  moved,  // a name got another address
  reloaded,
  moved_used,  // a server was connected at an address it moved to
  address_late,
  loading,
  restart,  // a server came back with an empty store
  thaw,
  half_close_served,
  served_again,  // all faults over: a fresh client got nothing but answers
  emptied,       // all clients gone: nothing of theirs was left
  count,
};

[[nodiscard]] const char* name_of(Sight sight);

class Sights {
 public:
  void see(Sight sight) { ++counts_[static_cast<u32>(sight)]; }
  u64 count(Sight sight) const { return counts_[static_cast<u32>(sight)]; }

  void read_log(std::string_view line);
  void read_error(std::string_view line);

  // Clients that the proxy has closed on purpose, and said so in its log. No bound when lines of
  // the log were lost.
  u64 closings_logged() const;

 private:
  void read(std::string_view line, Sight first, Sight end);

  static constexpr u32 kCount = static_cast<u32>(Sight::count);
  u64 counts_[kCount] = {};
  bool lines_lost_ = false;
};

}  // namespace ringfold::sim
