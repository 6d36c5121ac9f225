// From twemproxy's configuration to ringfold's: the text, and what has no equal in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/migrate/comments.h"
#include "app/migrate/nutcracker_file.h"

namespace ringfold {

struct Warning {
  Position position;  // in the file of twemproxy
  std::string text;   // names pool and key
};

struct Translation {
  std::string toml;
  std::vector<Position> origins;  // of each line of toml, in the file of twemproxy
  std::vector<Warning> warnings;  // in the order of the file
};

// Every key of the file, in its order and with its comments; behind them those keys whose default
// twemproxy has otherwise.
[[nodiscard]] Translation translate(const std::vector<NutcrackerPool>& pools,
                                    const Comments& comments);

}  // namespace ringfold
