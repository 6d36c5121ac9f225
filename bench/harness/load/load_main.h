// `ringfold-bench load`.
#pragma once

namespace ringfold::load {

// arguments[0] is the name of the subcommand. Returns the exit code (exit_codes.h).
int load_main(int argument_count, char** arguments);

}  // namespace ringfold::load
