// A look over a TOML text before the library parses it: finds what toml++ 3.3 does not survive, so
// that no file, however broken, ends the process. Called by document.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/document.h"

namespace ringfold {

struct ScanMistake {
  Position position;
  std::string message;
};

// The first mistake of these kinds, or nothing:
// - a byte outside ASCII that is in no string and no comment (undefined behaviour in the library's
//   is_non_ascii_horizontal_whitespace);
// - a table header that does not begin with a key, such as "[[[a]]]" (a failed assertion; upstream
//   pull request 301);
// - a '}' where an array's element should start (another failed assertion), as any closing bracket
//   that does not fit the one that is open;
// - dates and times, which no key takes, and quotes, brackets or "=" within a bare word (a third
// one, and the
//   first again);
// - a control character (a fourth one, for some of them; TOML forbids them all);
// - a key of very many dots, or brackets opened very deep (the library builds and destroys the
// tables by recursion);
// - a string in triple quotes (the first kind again, in its line continuations; no value of the
//   configuration may hold a line break anyway).
// The scan keeps step with the grammar up to the file's first mistake; behind that nobody parses.
[[nodiscard]] std::optional<ScanMistake> scan_document(std::string_view text);

}  // namespace ringfold
