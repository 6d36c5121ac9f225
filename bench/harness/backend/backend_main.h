// `ringfold-bench backend`: the null server as a program.
#pragma once

namespace ringfold::backend {

// arguments: from the word "backend" on. Returns the exit code.
int backend_main(int argument_count, char** arguments);

}  // namespace ringfold::backend
