// `ringfold-bench compare` and `ringfold-bench capacity`: written in Python (planner/), because
// they plan, fit and draw but touch no request.
#pragma once

namespace ringfold {

// Becomes the Python program (exec) and returns only when that cannot be: 3, after a line on stderr
// that says what to install. arguments[0] is the subcommand's name.
int planner_main(int argument_count, char** arguments);

}  // namespace ringfold
