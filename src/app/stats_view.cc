#include "app/stats_view.h"

#include <algorithm>
#include <string_view>

namespace ringfold {

ReasonCounts all_errors(const PoolView& pool) {
  ReasonCounts all = pool.errors;
  for (const ServerView& server : pool.servers) {
    for (const auto& [reason, count] : server.errors) {
      const std::string_view name = reason;
      const auto found =
          std::ranges::find_if(all, [name](const auto& each) { return each.first == name; });
      if (found == all.end()) {
        all.emplace_back(reason, count);
      } else {
        found->second += count;
      }
    }
  }
  return all;
}

}  // namespace ringfold
