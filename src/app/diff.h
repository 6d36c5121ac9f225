// `ringfold diff`: which share of the keys another configuration moves.
#pragma once

#include <string>

#include "ringfold/base/error.h"
#include "ringfold/config.h"

namespace ringfold {

struct DiffOptions {
  std::string before;  // the two files
  std::string after;
  std::string pool;  // empty: all
};

// For each pool of both files the share of keys that come to another server or another address,
// and each server's share before and after, of sampled keys; and which pools are in one file only.
// The error is one of usage: no file has the pool that was asked for.
[[nodiscard]] Expected<std::string> describe_difference(const Config& before, const Config& after,
                                                        const DiffOptions& options);

// "24.87 % of the keys move", sampled.
[[nodiscard]] std::string describe_moved_share(const PoolConfig& before, const PoolConfig& after);

}  // namespace ringfold
