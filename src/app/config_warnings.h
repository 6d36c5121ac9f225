// What is no mistake in a configuration, but will hurt: `ringfold -t` says it. Called by config.cc
// with a configuration that is without errors.
#pragma once

#include "app/config_keys.h"
#include "app/config_values.h"

namespace ringfold {

// Adds a message for
// - a pool with two servers at one address;
// - a pool whose servers get a share of the keys far from that of their weights, tried with sampled
//   keys (some hashes do not go with some distributions, and ketama has few points for a server of
//   little weight);
// - more descriptors than open_files_max, when clients and servers are all there. Pools without a
//   limit of clients count with their servers only.
void find_warnings(ErrorList& warnings, const ConfigDraft& draft, u64 open_files_max);

}  // namespace ringfold
