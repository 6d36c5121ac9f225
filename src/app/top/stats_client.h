// Asks a ringfold for its /stats. The only file of `ringfold top` that sees the HTTP library is
// stats_client.cc.
#pragma once

#include <string>

#include "ringfold/base/error.h"

namespace ringfold::top {

struct Place {
  std::string host;
  int port = 0;

  // "127.0.0.1:22222"
  [[nodiscard]] std::string text() const;
};

// "http://127.0.0.1:22222", with or without the scheme, the port (22222) and a slash at the end.
[[nodiscard]] Expected<Place> parse_place(const std::string& url);

// The body of /stats. token: sent if it is not empty. The error says what is wrong with the answer,
// or that there is none.
[[nodiscard]] Expected<std::string> fetch_stats(const Place& place, const std::string& token);

}  // namespace ringfold::top
