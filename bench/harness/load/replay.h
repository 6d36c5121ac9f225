// Replay: recorded traffic, one command a line, ready to send.
//
// Redis:     the output of MONITOR ("1339518083.107412 [0 127.0.0.1:60866] "get" "key""), or plain
//            commands as redis-cli takes them. The two may be mixed.
// memcached: command lines. Behind the line of a storing command there is no data in the file: the
//            length it names is filled. noreply (and the meta flag q) is taken away.
// Empty lines and those that start with # mean nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/error.h"
#include "ringfold/base/ints.h"
#include "ringfold/config.h"
#include "ringfold/proto/memcached.h"

namespace ringfold::load {

class Replay {
 public:
  struct Line {
    u64 offset = 0;
    u32 size = 0;
    memcached::ReplyShape shape = memcached::ReplyShape::line;
    std::string_view reply_types;  // Redis, as in Recipe::reply_types; static storage
  };

  // Errors name FILE:LINE. Fails also when nothing is left to send.
  [[nodiscard]] static Expected<Replay> load(const std::string& path, Protocol protocol);
  [[nodiscard]] static Expected<Replay> parse(std::string_view text, const std::string& name,
                                              Protocol protocol);

  u64 size() const { return lines_.size(); }
  const Line& line(u64 index) const { return lines_[index]; }
  std::string_view request(const Line& line) const {
    return std::string_view(bytes_).substr(line.offset, line.size);
  }
  // The longest request, bytes.
  u64 size_max() const;

  // Commands that were left out, because they concern the connection they came from (AUTH, SELECT,
  // MULTI, SUBSCRIBE, ...) or were run by a script on the server.
  u64 skipped() const { return skipped_; }

 private:
  Expected<void> add_redis(std::string_view line);
  Expected<void> add_memcached(std::string_view line);

  std::string bytes_;
  std::vector<Line> lines_;
  u64 skipped_ = 0;
};

}  // namespace ringfold::load
