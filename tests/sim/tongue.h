// Tongue: what random clients say and how they read what they hear, in one protocol. Commands are
// random, each with its token and with what the oracle has to expect.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dice.h"
#include "oracle.h"
#include "toy_resp.h"

namespace ringfold::sim {

struct CommandTraits {
  std::string hash_tag;  // of the pool: empty or two bytes
  u32 database = 0;
  u32 keys_max = 6;             // of MGET and its like
  std::size_t value_max = 100;  // bytes
  u32 long_values = 10;         // one value of so many is long
  // No key twice in a command: where a key's server is drawn by lot nobody could tell which server
  // was asked for which of them.
  bool distinct_keys = false;
};

struct RandomCommand {
  u32 token = 0;  // 0: it has no answer, whatever happens
  std::string bytes;
  bool may_be_silent = false;  // whether it has an answer depends
};

// What makes one command, in any protocol; lives for that long.
class CommandMaker {
 protected:
  CommandMaker(Oracle& oracle, Dice& dice, const CommandTraits& traits, u32 client);

  // A key of this client and this command.
  std::string own_key();
  // Any bytes, and the mark.
  std::string value();
  // With the pool's hash tag around it.
  std::string tagged(const std::string& name) const;

  Dice& dice_;
  const CommandTraits& traits_;
  const u32 client_;
  const u32 token_;
  const std::string mark_;  // "#" and the token
  u64 keys_ = 0;            // made so far
};

// One kind of command in `weight` of all.
template <class Maker>
struct CommandChoice {
  u32 weight;
  RandomCommand (Maker::*make)();
};

template <class Maker, std::size_t N>
RandomCommand make_one_of(const CommandChoice<Maker> (&choices)[N], Dice& dice, Maker& maker) {
  u64 sum = 0;
  for (const CommandChoice<Maker>& choice : choices) sum += choice.weight;
  u64 place = dice.below(sum);
  const CommandChoice<Maker>* choice = choices;
  while (place >= choice->weight) {
    place -= choice->weight;
    ++choice;
  }
  return (maker.*choice->make)();
}

class Tongue {
 public:
  Tongue(Dice& dice, const CommandTraits& traits) : dice_(dice), traits_(traits) {}
  virtual ~Tongue() = default;

  virtual RandomCommand command(u32 client) = 0;
  // A healthy command that only a server can answer.
  virtual RandomCommand probe(u32 client) = 0;
  // One that is answered when everything before it has been.
  virtual RandomCommand barrier(u32 client) = 0;
  // Before the password was given, then the password.
  virtual RandomCommand early(u32 client) = 0;
  virtual RandomCommand login(u32 client, const std::string& password) = 0;
  // The last word of a client: the proxy closes the connection. rude: it is no protocol.
  virtual RandomCommand last_word(u32 client, bool rude) = 0;

  [[nodiscard]] virtual toy::ScanResult scan_reply(std::string_view in) const = 0;

 protected:
  Dice& dice_;
  const CommandTraits& traits_;
};

}  // namespace ringfold::sim
