// The comments of a YAML file, each given to the line of content it speaks about, so that they can
// be written there again in another language.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/ints.h"

namespace ringfold {

// The comments around one line. Texts begin with '#'; "" is a blank line between two comments.
struct Remarks {
  std::vector<std::string> above;
  std::string behind;              // in the line itself; "" when there is none
  std::vector<std::string> below;  // more indented than what follows, so they belong to this line
};

// A line that holds a pool's name, a key or a server.
struct ContentLine {
  u32 line = 0;  // from 1
  bool is_pool = false;
};

struct Comments {
  std::map<u32, Remarks> of_line;  // by line number
  std::vector<std::string> at_end;
};

// content: in the order of the file. No comment is lost, whatever stands between those lines.
//
// What stands between two lines of content belongs to the second, except comments that are indented
// deeper than it, and, when it begins a pool, those before the first blank line: these end what the
// first one belongs to.
[[nodiscard]] Comments find_comments(std::string_view text,
                                     const std::vector<ContentLine>& content);

}  // namespace ringfold
