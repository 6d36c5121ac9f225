#include "scenarios.h"

#include <fmt/core.h>

namespace ringfold::perfect {

std::vector<Scenario> all_scenarios() {
  struct Named {
    const char* name;
    Traffic traffic;
  };
  std::vector<Scenario> all;
  for (const Protocol protocol : {Protocol::redis, Protocol::memcached}) {
    const std::string first = protocol == Protocol::redis ? "redis_" : "memcached_";
    for (const Named& named : {Named{"get", Traffic::get}, Named{"set", Traffic::set},
                               Named{"get_of_10", Traffic::multi_get}}) {
      for (const u32 pipeline : {1u, 16u}) {
        all.push_back({fmt::format("{}{}/pipeline:{}", first, named.name, pipeline),
                       {.protocol = protocol, .traffic = named.traffic, .pipeline = pipeline}});
      }
    }
    all.push_back({first + "get/one_server/pipeline:16",
                   {.protocol = protocol, .pipeline = 16, .servers = 1}});
  }
  all.push_back({"redis_get_1KiB/pipeline:1", {.value_size = 1024}});
  return all;
}

}  // namespace ringfold::perfect
