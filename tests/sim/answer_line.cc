#include "answer_line.h"

#include <algorithm>

namespace ringfold::sim {

void AnswerLine::clear() {
  tokens_.clear();
  places_ = {0};
}

template <class Condition>
bool AnswerLine::may_lack(Condition condition) const {
  return std::any_of(places_.begin(), places_.end(), [&](std::size_t place) {
    const auto first = tokens_.begin() + static_cast<std::ptrdiff_t>(place);
    return std::all_of(first, tokens_.end(), condition);
  });
}

bool AnswerLine::may_be_over() const {
  return may_lack([this](u32 token) { return oracle_.may_be_silent(token); });
}

bool AnswerLine::may_be_over_but_for_unexecuted() const {
  return may_lack(
      [this](u32 token) { return oracle_.may_be_silent(token) || !oracle_.is_executed(token); });
}

u32 AnswerLine::take(std::string_view reply) {
  if (tokens_.empty()) {
    oracle_.wrong(0, reply, "nothing was asked");
    return 0;
  }
  std::set<std::size_t> places;
  std::string why = "nothing was left to be answered";
  u32 blamed = tokens_.front();
  u32 token = 0;
  std::size_t looked_at = 0;
  for (const std::size_t place : places_) {
    if (place < looked_at) continue;  // what it leads to was found from an earlier place
    for (std::size_t next = place; next < tokens_.size(); ++next) {
      looked_at = next + 1;
      const std::string objection = oracle_.objection(tokens_[next], reply);
      if (objection.empty()) {
        token = std::max(token, tokens_[next]);
        places.insert(next + 1);
      }
      if (!oracle_.may_be_silent(tokens_[next])) {
        // Nothing behind it can have been answered: this is the command to blame.
        blamed = tokens_[next];
        if (!objection.empty()) why = objection;
        break;
      }
    }
  }
  if (places.empty()) {
    oracle_.wrong(blamed, reply, why);
    return 0;
  }
  places_ = std::move(places);
  forget_decided();
  return token;
}

void AnswerLine::forget_decided() {
  const std::size_t count = *places_.begin();
  tokens_.erase(tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(count));
  std::set<std::size_t> rest;
  for (const std::size_t place : places_) rest.insert(place - count);
  places_ = std::move(rest);
}

}  // namespace ringfold::sim
