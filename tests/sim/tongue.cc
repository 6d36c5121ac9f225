#include "tongue.h"

namespace ringfold::sim {

CommandMaker::CommandMaker(Oracle& oracle, Dice& dice, const CommandTraits& traits, u32 client)
    : dice_(dice),
      traits_(traits),
      client_(client),
      token_(oracle.issue(CommandKind::exact, client)),
      mark_(std::string("#").append(std::to_string(token_))) {}

std::string CommandMaker::tagged(const std::string& name) const {
  if (traits_.hash_tag.size() != 2) return name;
  std::string text(1, traits_.hash_tag[0]);
  return text.append(name).append(1, traits_.hash_tag[1]);
}

std::string CommandMaker::own_key() {
  const u64 number = traits_.distinct_keys ? 8 + keys_++ : dice_.below(8);
  std::string name("c");
  name.append(std::to_string(client_)).append("k").append(std::to_string(number));
  return tagged(name) + mark_;
}

std::string CommandMaker::value() {
  std::string text;
  const bool is_long = dice_.chance(1, traits_.long_values);
  for (std::size_t i = dice_.below(is_long ? traits_.value_max + 1 : 12); i > 0; --i) {
    text += static_cast<char>(dice_.chance(1, 8) ? dice_.below(256) : 'a' + dice_.below(26));
  }
  return text + mark_;
}

}  // namespace ringfold::sim
