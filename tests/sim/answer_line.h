// AnswerLine: a client's commands that may still be answered, the oldest first, and which of them
// the next reply can belong to. Some memcached commands have no answer when all went well, so
// several may be next: all of them are kept in mind until a reply decides.
#pragma once

#include <deque>
#include <set>
#include <string>
#include <string_view>

#include "oracle.h"

namespace ringfold::sim {

class AnswerLine {
 public:
  explicit AnswerLine(Oracle& oracle) : oracle_(oracle) {}

  void push(u32 token) { tokens_.push_back(token); }
  void clear();

  // At least so many answers are to come, unless commands end silently.
  std::size_t size() const { return tokens_.size() - *places_.rbegin(); }
  bool empty() const { return size() == 0; }
  // What the next reply may belong to, and what follows.
  const std::deque<u32>& tokens() const { return tokens_; }

  // Nothing more need come.
  bool may_be_over() const;
  // But for commands of which no server knows.
  bool may_be_over_but_for_unexecuted() const;

  // A reply. Its command's token, of several the last; 0 when it can belong to none, then the world
  // has failed.
  u32 take(std::string_view reply);

 private:
  void forget_decided();
  template <class Condition>
  bool may_lack(Condition condition) const;

  Oracle& oracle_;
  std::deque<u32> tokens_;
  // How many of tokens_ may have been done with when the last reply came. Not empty.
  std::set<std::size_t> places_{0};
};

}  // namespace ringfold::sim
