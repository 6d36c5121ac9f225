// The tables of keys: what may stand in [proxy], [admin] and [[pool]], and how each value is read.
// Called by config.cc, which checks what concerns several keys.
#pragma once

#include <vector>

#include "app/config_values.h"
#include "app/document.h"
#include "ringfold/config.h"

namespace ringfold {

// A pool with the places its values came from, for errors that concern two of them.
struct PoolDraft {
  PoolConfig pool;
  Position table;
  Position name;
  Position hash{0, 0};            // line 0: not given
  std::vector<Position> listen;   // one for each pool.listen
  std::vector<Position> servers;  // one for each pool.servers
};

struct ConfigDraft {
  Config config;  // without its pools
  Position admin_listen;
  std::vector<PoolDraft> pools;
};

// Reads the whole document; every mistake goes to errors.
void read_document(ErrorList& errors, const Node& document, ConfigDraft& draft);

}  // namespace ringfold
