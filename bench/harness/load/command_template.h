// Recipes from a user's words: "LPUSH {key} {value}".
#pragma once

#include <string_view>

#include "load/recipe.h"

namespace ringfold::load {

// Every {key} is a key chosen anew; every {value} is the value of the {key} in front of it, or, if
// there is none, of the one behind. __key__ and __data__ mean the same, as in memtier_benchmark.
//
// Redis: words as redis-cli splits them, quotes included. {key} may be a part of a word, {value} is
// a word of its own. GET {key}, MGET {key} ... and SET {key} {value} are checked as --mix does; of
// other commands the type of the reply is checked, where it is known.
// memcached: a command line; {value} stands for the length and the data block and comes last
// ("add {key} 0 60 {value}"). Commands without an answer are refused.
[[nodiscard]] Expected<Recipe> parse_template(Protocol protocol, std::string_view text,
                                              std::string_view key_prefix);

// The types that a Redis command's reply may have, as in Recipe::reply_types; empty: unknown. The
// name in any case of letters.
[[nodiscard]] std::string_view reply_types_of(std::string_view name);

// True for commands after which a connection is no line of requests and replies any more.
[[nodiscard]] bool breaks_the_line(std::string_view name);

}  // namespace ringfold::load
