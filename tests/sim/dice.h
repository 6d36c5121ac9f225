// Dice: all chance of a simulated world, from one seed. Each world picks, swarm style (Groce et
// al., "Swarm testing", 2012), which dice exist and how loaded they are, so that rare combinations
// meet.
#pragma once

#include <string>

#include "ringfold/base/ints.h"
#include "ringfold/base/prng.h"

namespace ringfold::sim {

enum class Die : u8 {
  // The freedoms of ring.h and of a network: nobody may notice them.
  cut_tiny,              // a stream arrives one to three bytes at a time
  cut_random,            // a stream is cut somewhere
  network_slow,          // milliseconds instead of microseconds on the way
  receive_partly,        // a recv completion takes only part of what has arrived
  receive_late,          // arrived bytes reach the recv operation later
  receive_ends,          // a multishot recv ends with its data
  accept_ends,           // a multishot accept ends with its descriptor
  accept_fails,          // a multishot accept ends with an error, the peer stays in the backlog
  send_short,            // fewer bytes than asked
  send_slow,             // the socket's buffer takes the bytes piece by piece
  send_completes_late,   // the bytes are away long before the completion
  completions_shuffled,  // completions of different operations change places
  completions_deferred,  // a completion waits for a later tick
  cancel_late,           // a cancel takes its time, data may come first
  doorbell_late,
  wait_returns_nothing,
  // Faults: a client may get an error or lose its connection.
  first_fault,
  connect_refused = first_fault,
  connect_slow,
  connect_never,
  connect_fails,
  socket_fails,          // no descriptor for a new server connection
  server_resets_before,  // instead of executing a command
  server_resets_after,   // executed, no reply
  server_cuts_reply,     // part of the reply, then the end
  server_closes,         // a FIN between two replies
  server_stalls,         // longer than most time limits
  server_dies,           // all its connections at once, and refuses for a while
  server_vanishes,       // the same without a word: no reset, no refusal, as a power cut does
  server_freezes,        // says, hears and reads nothing for a while, and then goes on
  server_moves,          // another address; its name follows later
  // Clients behaving badly: costs themselves only.
  first_client_die,
  client_leaves = first_client_die,
  client_resets,
  client_half_closes,
  client_reads_slowly,
  client_stops_reading,  // for much longer
  client_drips,          // a batch goes out a few bytes at a time
  client_sleeps,         // longer than a short idle timeout
  count,
};

[[nodiscard]] const char* name_of(Die die);

class Dice {
 public:
  explicit Dice(u64 seed) : prng_(seed) {}

  // True with the die's load, in thousandths.
  bool roll(Die die) {
    const u32 load = load_[static_cast<u32>(die)];
    if (load == 0 || prng_.below(1000) >= load) return false;
    ++hits_[static_cast<u32>(die)];
    return true;
  }
  // How often the die came up.
  u64 hits(Die die) const { return hits_[static_cast<u32>(die)]; }
  u64 below(u64 bound) { return prng_.below(bound); }
  bool chance(u64 numerator, u64 denominator) { return prng_.chance(numerator, denominator); }
  // A number in [low, high].
  i64 between(i64 low, i64 high) {
    return low + static_cast<i64>(prng_.below(static_cast<u64>(high - low) + 1));
  }
  u64 number() { return prng_.next(); }

  void set(Die die, u32 per_mille) { load_[static_cast<u32>(die)] = per_mille; }
  u32 load(Die die) const { return load_[static_cast<u32>(die)]; }

  // Picks dice among the freedoms, the faults and the clients' dice.
  void pick_freedoms();
  void pick_faults();
  void pick_client_dice();
  void stop_faults();
  void stop_freedoms();
  bool has_faults() const;

  // "cut_tiny=30 send_short=150": the dice with a load.
  std::string describe() const;

 private:
  static constexpr u32 kCount = static_cast<u32>(Die::count);
  void pick(Die first, Die end, const u32 (&loads)[4]);

  Prng prng_;
  u32 load_[kCount] = {};
  u64 hits_[kCount] = {};
};

}  // namespace ringfold::sim
