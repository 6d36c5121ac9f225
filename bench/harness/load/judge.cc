#include "load/judge.h"

#include <fmt/core.h>

#include "load/texts.h"

namespace ringfold::load {
namespace {

constexpr std::size_t kShown = 160;  // bytes of each text that are kept

std::string clipped(std::string_view bytes) {
  return shown_bytes(bytes, kShown);
}

}  // namespace

std::string JudgeBase::request_text(const Asked& asked) const {
  if (asked.recipe.is_replay) {
    return std::string(plan_.replay->request(plan_.replay->line(asked.key(0))));
  }
  std::string text;
  Recipe copy = asked.recipe;
  append_request(text, copy, values_, [&asked](u32 index) { return asked.key(index); });
  return text;
}

std::string JudgeBase::key_name(const Asked& asked, u64 key) const {
  return fmt::format("{}{:0{}}", asked.recipe.key_prefix, key, kKeyDigits);
}

void JudgeBase::add_fault(const Asked& asked, std::string_view reply, std::string_view what,
                          std::string_view expected) {
  if (tally_.faults.size() >= kFaultsShown) return;
  tally_.add_fault(
      {std::string(what), clipped(request_text(asked)), clipped(expected), clipped(reply)});
}

void JudgeBase::on_error(const Asked& asked, std::string_view reply) {
  ++tally_.errors;
  add_fault(asked, reply, "error reply", "");
}

void JudgeBase::on_mismatch(const Asked& asked, std::string_view reply, std::string_view expected) {
  ++tally_.mismatches;
  add_fault(asked, reply, "wrong reply", expected);
}

void JudgeBase::on_wrong_value(const Asked& asked, std::string_view reply, u64 key,
                               std::string_view value) {
  ++tally_.mismatches;
  const u32 size = values_.size_of(key);
  const bool is_of_another_size =
      !value.empty() && value.size() != size &&
      values_.matches(value.data(), static_cast<u32>(value.size()), key);
  const std::string expected =
      key >= kMissingFrom ? fmt::format("a miss: {} is never written", key_name(asked, key))
                          : fmt::format("{} bytes: {}", size, value_text(values_, key));
  add_fault(asked, reply,
            is_of_another_size ? "wrong reply: the key's value of another size; was it written "
                                 "with another --size?"
                               : "wrong reply",
            expected);
}

void JudgeBase::on_unexpected_miss(const Asked& asked, std::string_view reply) {
  add_fault(asked, reply, "unexpected miss", "a value");
}

}  // namespace ringfold::load
