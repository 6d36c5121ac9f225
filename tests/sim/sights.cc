#include "sights.h"

namespace ringfold::sim {

namespace {

struct Row {
  const char* name;
  const char* text;  // by which the line is known; nullptr: not from a line
};

constexpr Row kRows[] = {
    {"ejection", "is ejected after"},
    {"back", "is back after"},
    {"memory_tight", "memory is tight"},
    {"worst_closed", "a client was closed: memory_limit is reached"},
    {"output_closed", "a client was closed: it let more than client_output_limit"},
    {"turned_away", "a client was turned away"},
    {"cut_off", "cut off: "},
    {"retired_failed", "at its former address"},
    {"connection_stuck", " timed out; "},
    {"accept_failed", "could not be accepted"},
    {"ejected_error", "is ejected"},
    {"keys_moved_error", "no longer has all keys"},
    {"memory_error", "memory_limit is nearly reached"},
    {"overload_error", "too much waits for it already"},
    {"reply_too_large", "a reply larger than client_output_limit"},
    {"no_address", "has a host name without an address"},
    {"not_ready", "is not ready"},
    {"connect_timeout", "no connection within connect_timeout_ms"},
    {"refused", "refused the connection"},
    {"unreachable", "cannot be reached"},
    {"request_timeout", "timed out\r\n"},
    {"closed_connection", "closed the connection"},
    {"broken_connection", "broke the connection"},
    {"cut_off_error", "when drain_timeout_ms was over"},
    {"no_descriptor", "no descriptor is free"},
    {"password_refused", "refused the password"},
    {"database_refused", "refused the database"},
    {"ejected_miss", nullptr},
    {"throttle", nullptr},
    {"idle_closed", nullptr},
    {"lookup_asked", nullptr},
    {"moved", nullptr},
    {"reloaded", nullptr},
    {"moved_used", nullptr},
    {"address_late", nullptr},
    {"loading", nullptr},
    {"restart", nullptr},
    {"thaw", nullptr},
    {"half_close_served", nullptr},
    {"served_again", nullptr},
    {"emptied", nullptr},
};
static_assert(sizeof kRows / sizeof kRows[0] == static_cast<u32>(Sight::count));

}  // namespace

const char* name_of(Sight sight) {
  return kRows[static_cast<u32>(sight)].name;
}

void Sights::read(std::string_view line, Sight first, Sight end) {
  for (u32 row = static_cast<u32>(first); row < static_cast<u32>(end); ++row) {
    if (line.find(kRows[row].text) != std::string_view::npos) ++counts_[row];
  }
}

void Sights::read_log(std::string_view line) {
  read(line, Sight::ejection, Sight::ejected_error);
  if (line.find("events were dropped") != std::string_view::npos) lines_lost_ = true;
}

void Sights::read_error(std::string_view line) {
  read(line, Sight::ejected_error, Sight::first_own);
}

u64 Sights::closings_logged() const {
  if (lines_lost_) return UINT64_MAX;
  return count(Sight::worst_closed) + count(Sight::output_closed) + count(Sight::turned_away);
}

}  // namespace ringfold::sim
