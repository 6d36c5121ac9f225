// Commands as people write them, taken apart by the project's own parsers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/error.h"
#include "ringfold/proto/memcached.h"

namespace ringfold::load {

// The words of a Redis command, split as redis-cli does, quotes and escapes included. Never empty.
[[nodiscard]] Expected<std::vector<std::string>> split_words(std::string_view text);

// The shape of the answer to a whole memcached request. Fails where memcached would refuse the
// request, or would not answer it.
[[nodiscard]] Expected<memcached::ReplyShape> memcached_shape(std::string_view request);

}  // namespace ringfold::load
