// Sabotage: replies made wrong on purpose, to see whether who should notice does. Each share is
// drawn for each reply about keys. What cannot be done to the reply at hand (there is no value in
// it to corrupt, there is no other reply to swap it with) is done to the next one that allows it.
#pragma once

#include <string>
#include <string_view>

#include "ringfold/base/ints.h"
#include "ringfold/base/prng.h"
#include "ringfold/config.h"

namespace ringfold::backend {

struct SabotageShares {
  double errors = 0;       // become an error
  double corruptions = 0;  // one byte of what they say is changed, never their framing
  double swaps = 0;        // change places with the next reply

  bool any() const { return errors > 0 || corruptions > 0 || swaps > 0; }
};

class Sabotage {
 public:
  Sabotage(const SabotageShares& shares, u64 seed) : shares_(shares), prng_(seed) {}

  // Whether the next reply is to be an error.
  [[nodiscard]] bool wants_error() { return is_drawn(shares_.errors); }

  // Counts the reply in. Changes it, if its turn has come and it can be changed: true.
  [[nodiscard]] bool corrupt(Protocol protocol, std::string& reply);

  // Counts the reply in. Whether it is to change places with another.
  [[nodiscard]] bool wants_swap() {
    if (is_drawn(shares_.swaps)) ++swaps_owed_;
    return swaps_owed_ > 0;
  }
  void swap_done() { --swaps_owed_; }

 private:
  // A share below 2^-53 is none.
  bool is_drawn(double share) {
    return share > 0 && static_cast<double>(prng_.next() >> 11) * 0x1p-53 < share;
  }

  SabotageShares shares_;
  Prng prng_;
  u64 corruptions_owed_ = 0;
  u64 swaps_owed_ = 0;
};

// Changes one byte of what a whole reply says: of a value, if it has any; else of a number or of
// Redis' status. A null becomes an empty value, and the words of memcached, of which a proxy knows
// all, become their opposites. False: nothing of it can be changed so that whoever knows the
// protocol would still read it as a reply.
[[nodiscard]] bool corrupt_reply(Protocol protocol, std::string& reply, Prng& prng);

}  // namespace ringfold::backend
