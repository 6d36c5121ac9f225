// Asks one server whether it would serve a pool, as a worker's connection begins: connect, AUTH,
// SELECT, and then PING (memcached: version). For `ringfold -t --connect`; a worker does the same
// through its ring (core/backend.cc). Blocks.
#pragma once

#include <optional>
#include <string>

#include "ringfold/base/ints.h"
#include "ringfold/config.h"
#include "ringfold/io/address.h"

namespace ringfold {

// Nothing when the server answers as it should, else what is wrong with it, in words that follow a
// colon. All together takes connect_timeout at most. The pool's password is never part of the
// words, even when the server sends it back.
[[nodiscard]] std::optional<std::string> probe_server(const PoolConfig& pool,
                                                      const Address& address,
                                                      Nanos connect_timeout);

}  // namespace ringfold
