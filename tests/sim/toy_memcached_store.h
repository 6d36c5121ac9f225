// ToyMemcachedStore: the data of one toy memcached, and what its commands answer, classic and meta.
// Written against protocol.txt and a live memcached 1.6.18, not against the product. It has no
// clock: a time that is not in the past is never reached.
//
// Behind the '#' of a key stands the token of the command; under it they are the same key.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/ints.h"

namespace ringfold::sim {

class ToyMemcachedStore {
 public:
  // The answer to a command with its data block; empty when it wants none (noreply, q). Requires:
  // at least one word. stats is not known here.
  std::string execute(const std::vector<std::string>& words, std::string_view data);

  // The VALUE block of a key as it was asked for, or nothing.
  std::string value_of(const std::string& key, bool with_cas) const;

 private:
  using Words = std::vector<std::string>;
  struct Item {
    std::string value;
    std::string flags = "0";
    i64 time = 0;
    u64 cas = 0;
    bool is_binary = false;   // its key was given in base64
    bool is_invited = false;  // made by a get that asks to be the one who fills it
  };

  std::string execute_get(const Words& words);
  std::string execute_storage(const Words& words, std::string_view data);
  std::string execute_number(const Words& words);
  std::string meta_get(const Words& words);
  std::string meta_set(const Words& words, std::string_view data);
  std::string meta_delete(const Words& words);
  std::string meta_arithmetic(const Words& words);
  std::string meta_debug(const Words& words) const;

  Item* find(const std::string& key);
  void put(const std::string& key, Item item, i64 time);
  bool count(Item& item, bool up, u64 delta, u64& number);

  std::map<std::string, Item> items_;
  u64 last_cas_ = 0;
};

// The flags of a meta command, words[first] and on.
class MetaFlags {
 public:
  MetaFlags(const std::vector<std::string>& words, std::size_t first);
  bool has(char flag) const { return all_.find(flag) != std::string::npos; }
  // What stands behind the flag's letter, or otherwise.
  std::string argument(char flag, std::string otherwise) const;
  // The key that the command means.
  std::string key() const;
  // " k<key> b O17", those that were asked for, in the order of the request. more: the texts of
  // further flags by their letter.
  std::string echo(const std::map<char, std::string>& more, bool is_binary) const;
  std::string echo() const { return echo({}, has('b')); }

 private:
  std::vector<std::string> words_;
  std::size_t first_;
  std::string all_;  // their letters
};

}  // namespace ringfold::sim
