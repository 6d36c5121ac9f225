// What each key may hold: the judge of every reply.
//
// Time is counted in ticks, one for each thing that the driver does or hears. A command begins
// before its bytes leave and ends after its reply has come, so what its server did lies between the
// two. From that follows all that is held against a reply:
//
//   A write is over when a later write (or a kill of the server, which empties it) began after it
//   had ended, and has ended itself. A read that began thereafter must not show it.
//
// That is one number a key, `floor`: the latest beginning of anything that has ended and decides
// what the key holds. A read notes it when it begins; it may show what ended at or after it. A
// write whose outcome nobody knows (an error came, or the connection was cut) may take effect until
// kUnknownLife has passed: no frozen server or lost packet holds it longer.
//
// Counters are keys that are only ever incremented, each by a step of its own: their value must be
// a multiple of it, and between what was certainly and what was possibly added.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/ints.h"
#include "ringfold/base/prng.h"

namespace ringfold::torture {

inline constexpr u64 kEver = UINT64_MAX;
inline constexpr Nanos kUnknownLife = 60 * kSecond;

enum class KeyKind : u8 { small, medium, large, huge, counter };
inline constexpr std::size_t kKeyKinds = 5;

enum class Op : u8 { read, write, erase, add, increment };

// What a command does to one key, and what was known when it began.
struct Use {
  u32 key = 0;
  Op op = Op::read;
  u64 began = 0;
  u64 floor = 0;
  u64 kills = 0;    // of the key's server, when it began
  u64 certain = 0;  // counters: increments that are in the value for certain
  u64 wiped = 0;    // counters: increments that a kill has undone for certain
  bool known_to_exist = false;
};

// Whether a command has taken effect.
enum class Effect : u8 { done, unknown, never };

struct ServerState {
  std::string name;
  u32 faults = 0;  // under way
  Nanos last_fault = -kUnknownLife;
  bool killing = false;
  u64 kills = 0;
  u64 kill_began = 0;
  u64 floor = 0;          // when the last kill began that is over
  u64 emptied_until = 0;  // when it was over
};

class Model {
 public:
  // rehash: keys may move between servers while one is ejected. Then every value that a write has
  // ever carried may show up, and every key may be missing.
  Model(u64 seed, u32 key_count, std::vector<std::string> servers, bool rehash);

  u32 key_count() const { return static_cast<u32>(keys_.size()); }
  const std::string& name(u32 key) const { return keys_[key].name; }
  KeyKind kind(u32 key) const { return keys_[key].kind; }
  u64 step(u32 key) const { return keys_[key].step; }
  u32 flags(u32 key) const { return key & 0xffff; }  // memcached's, the same in every write
  u32 home(u32 key) const { return keys_[key].home; }
  void set_home(u32 key, u32 server) { keys_[key].home = server; }
  std::vector<ServerState>& servers() { return servers_; }
  bool rehash() const { return rehash_; }

  // A key that may be used now: there is a limit to the large ones in flight.
  u32 pick(Prng& prng, bool only_small);
  u32 pick_counter(Prng& prng);
  std::size_t pick_size(Prng& prng, u32 key);

  // The time, for what goes by it; to be called before each round of work.
  void set_now(Nanos now) { now_ = now; }

  Use begin(Op op, u32 key);
  // Ends what begin() began. Requires: each Use is ended once.
  void end(const Use& use, Effect effect);

  // What is wrong with a reply; empty: nothing. Requires: the Use has not been ended.
  std::string check_value(const Use& use, std::string_view value) const;
  std::string check_missing(const Use& use) const;
  std::string check_counter(const Use& use, std::string_view digits) const;
  // For commands that answer how many of their keys exist: the number must be in this range.
  bool may_be_there(const Use& use) const;
  bool may_be_missing(const Use& use) const;

  void kill_begins(u32 server);
  void kill_ends(u32 server);

  // All that is known of the key, for a report.
  std::string describe(const Use& use) const;

 private:
  struct Record {
    u64 token;      // when the write began; names it in its values too
    u64 ended;      // kEver: not yet, or unknown
    Nanos gone_at;  // of an unknown one: when it can no longer take effect
  };
  struct Key {
    std::string name;
    KeyKind kind = KeyKind::small;
    u32 home = 0;
    u64 step = 0;
    u64 floor = 0;
    u64 floor_of_old = 0;  // no command that is under way began with an older floor
    u64 floor_of_late = 0;
    Nanos rolled_at = 0;
    Nanos tidied_at = 0;
    std::deque<Record> records;  // by token
    u64 erased_until = 0;        // the latest end of an erase; keys begin as erased
    u64 erases_in_flight = 0;
    Nanos unknown_erase_until = 0;  // 0: there is none
    u64 issued = 0;                 // increments
    u64 ended = 0;
    u64 ended_at_kill = 0;
    u64 certain = 0;
    u64 wiped = 0;
    bool known_to_exist = false;
  };

  const Record* find(const Key& key, u64 token) const;
  void end_write(Key& key, const Use& use, Effect effect);
  void end_erase(Key& key, const Use& use, Effect effect);
  void end_increment(Key& key, const Use& use, Effect effect);
  void forget_old(Key& key);
  u64 floor_now(const Key& key) const;
  bool was_killed_since(const Use& use) const;

  std::vector<Key> keys_;
  std::vector<u32> of_kind_[kKeyKinds];
  u32 in_flight_[kKeyKinds] = {};
  std::vector<ServerState> servers_;
  bool rehash_;
  u64 tick_ = 0;
  Nanos now_ = 0;
};

}  // namespace ringfold::torture
