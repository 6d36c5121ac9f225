// Random commands for random clients, each with its token and with what the oracle has to expect.
#pragma once

#include <string>

#include "dice.h"
#include "oracle.h"

namespace ringfold::sim {

struct CommandTraits {
  std::string hash_tag;  // of the pool: empty or two bytes
  u32 database = 0;
  u32 keys_max = 6;             // of MGET and its like
  std::size_t value_max = 100;  // bytes
  // No key twice in a command: where a key's server is drawn by lot nobody could tell which server
  // was asked for which of them.
  bool distinct_keys = false;
};

struct RandomCommand {
  u32 token = 0;
  std::string bytes;  // as sent
};

[[nodiscard]] RandomCommand random_command(Oracle& oracle, Dice& dice, const CommandTraits& traits,
                                           u32 client);

// A plain GET.
[[nodiscard]] RandomCommand probe_command(Oracle& oracle, Dice& dice, const CommandTraits& traits,
                                          u32 client);

// A command with the exact reply the proxy itself has to give.
[[nodiscard]] RandomCommand exact_command(Oracle& oracle, u32 client,
                                          std::vector<std::string> arguments, std::string expected);

}  // namespace ringfold::sim
