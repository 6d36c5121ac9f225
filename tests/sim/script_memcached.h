// What the memcached scripts have in common: how their pool starts, and how gets and values are
// spelled.
#pragma once

#include <string>

#include "script.h"

namespace ringfold::sim::memcached_script {

inline void start(Script& s, u32 servers) {
  s.pool.protocol = Protocol::memcached;
  s.start(servers);
}

inline std::string get(const std::string& key) {
  return "get " + key + "\r\n";
}

// A VALUE block, without the END behind it.
inline std::string value(const std::string& key, const std::string& data) {
  std::string block("VALUE ");
  block.append(key).append(" 0 ").append(std::to_string(data.size()));
  return block.append("\r\n").append(data).append("\r\n");
}

}  // namespace ringfold::sim::memcached_script
