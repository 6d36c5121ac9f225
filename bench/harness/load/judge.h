// Judges: hold each reply against what its request must get. Nothing is remembered of what was
// written, because values and their sizes hang on the keys (values.h).
//
// quick() knows the one reply that nearly every request gets, compares it in place, and says how
// long it was; whatever it does not know for right (0) is cut out by the protocol's scanner and
// comes before judge().
#pragma once

#include <string>
#include <string_view>

#include "load/pending.h"
#include "load/plan.h"
#include "load/tally.h"
#include "ringfold/proto/memcached.h"
#include "ringfold/proto/protocol.h"
#include "ringfold/proto/resp.h"

namespace ringfold::load {

// A request whose reply is to be judged: the front of a line. Valid until the line changes.
struct Asked {
  const Recipe& recipe;
  const PendingLine& line;
  bool is_measured = false;

  u64 key(u32 index) const { return line.keys[index]; }
};

// What both protocols' judges share.
class JudgeBase {
 public:
  JudgeBase(const Plan& plan, Tally& tally) : plan_(plan), values_(*plan.values), tally_(tally) {}

  // What came is no reply of the protocol at all.
  void on_broken_stream(const Asked& asked, std::string_view bytes) {
    on_mismatch(asked, bytes, "a reply");
  }

 protected:
  // Counts a key that was read. Returns false when it is a miss that must not be.
  bool count_key(const Asked& asked, u64 key, bool is_hit) {
    if (is_hit) {
      tally_.hits += asked.is_measured;
      return true;
    }
    tally_.misses += asked.is_measured;
    if (key >= kMissingFrom) return true;
    tally_.unexpected_misses += asked.is_measured || plan_.misses_are_faults;
    return !plan_.misses_are_faults;
  }

  void on_error(const Asked& asked, std::string_view reply);
  void on_mismatch(const Asked& asked, std::string_view reply, std::string_view expected);
  // value: what came instead of the key's value; empty: no value at all.
  void on_wrong_value(const Asked& asked, std::string_view reply, u64 key, std::string_view value);
  void on_unexpected_miss(const Asked& asked, std::string_view reply);
  void add_fault(const Asked& asked, std::string_view reply, std::string_view what,
                 std::string_view expected);
  std::string request_text(const Asked& asked) const;
  std::string key_name(const Asked& asked, u64 key) const;

  const Plan& plan_;
  const Values& values_;
  Tally& tally_;
};

class RedisJudge : public JudgeBase {
 public:
  RedisJudge(const Plan& plan, Tally& tally);
  using Frame = resp::ReplyFrame;

  std::size_t quick(const Asked& asked, std::string_view bytes);
  ParseStatus scan(const Asked&, std::string_view bytes, Frame& frame, std::size_t& used) {
    return resp::parse_reply(bytes, frame, used);
  }
  // Requires: reply is one whole reply.
  void judge(const Asked& asked, std::string_view reply);

 private:
  std::size_t quick_element(const Asked& asked, u64 key, std::string_view bytes, bool& is_hit);
  std::size_t quick_values(const Asked& asked, std::string_view bytes);
  void judge_values(const Asked& asked, std::string_view reply);
  bool judge_element(const Asked& asked, std::string_view reply, u64 key,
                     const resp::ReplyElement& element);
  void judge_type(const Asked& asked, std::string_view reply);

  std::string fixed_header_;  // of a value, where all have the same size
};

class MemcachedJudge : public JudgeBase {
 public:
  MemcachedJudge(const Plan& plan, Tally& tally);
  using Frame = memcached::ReplyFrame;

  std::size_t quick(const Asked& asked, std::string_view bytes);
  ParseStatus scan(const Asked& asked, std::string_view bytes, Frame& frame, std::size_t& used) {
    return memcached::parse_reply(bytes, shape_of(asked), frame, used);
  }
  void judge(const Asked& asked, std::string_view reply);

 private:
  memcached::ReplyShape shape_of(const Asked& asked) const;
  std::size_t block_size(const Asked& asked, u64 key, std::string_view bytes) const;
  std::size_t quick_values(const Asked& asked, std::string_view bytes);
  void judge_values(const Asked& asked, std::string_view reply);
  u32 find_key(const Asked& asked, std::string_view name, u64& key) const;
};

}  // namespace ringfold::load
