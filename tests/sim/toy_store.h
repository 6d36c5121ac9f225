// ToyStore: the data of one toy redis, and what its commands answer: strings, the key space and
// scripts by name. Written against Redis' documentation, not against the product.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "ringfold/base/ints.h"

namespace ringfold::sim {

class ToyStore {
 public:
  // The encoded reply to a command. Requires: at least one argument.
  std::string execute(u32 database, const std::vector<std::string>& arguments);

 private:
  using Arguments = std::vector<std::string>;
  using Keys = std::map<std::string, std::string>;

  std::string execute_string(Keys& keys, const std::string& name, const Arguments& arguments);
  std::string execute_several(Keys& keys, const std::string& name, const Arguments& arguments);
  std::string execute_keyspace(Keys& keys, const std::string& name, const Arguments& arguments);
  std::string execute_script(const Arguments& arguments);

  std::map<u32, Keys> databases_;
  std::set<std::string> scripts_;
};

[[nodiscard]] std::string lower(std::string_view text);

// The name a script is kept under: forty hexadecimal digits, as SHA1 would give, but not SHA1.
[[nodiscard]] std::string script_name(std::string_view script);

}  // namespace ringfold::sim
