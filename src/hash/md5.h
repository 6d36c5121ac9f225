// MD5 for placing servers and keys; no secret depends on it. Private to the hash layer.
#pragma once

#include <array>
#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold {

using Md5Digest = std::array<u8, 16>;

// The digest of some bytes (RFC 1321). Safe in every thread, free of allocation, cannot fail.
[[nodiscard]] Md5Digest md5_digest(std::string_view bytes);

}  // namespace ringfold
