#include "planner_main.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace ringfold {
namespace {

namespace fs = std::filesystem;

constexpr int kCouldNotStart = 3;
// Python modules that a distribution packages belong to its own interpreter, so it comes first.
constexpr const char* kSystemPython = "/usr/bin/python3";

// Where the program lies: installed beside the binary's folder; or, of a build folder, in the
// sources. Empty when it is nowhere.
fs::path find_program(const fs::path& binary) {
  const fs::path folder = binary.parent_path();
  for (const fs::path& candidate :
       {folder / ".." / RINGFOLD_LIBEXEC / "ringfold" / "planner",
        folder / ".." / "bench" / "harness" / "planner", fs::path(RINGFOLD_PLANNER_SOURCE)}) {
    std::error_code error;
    const fs::path program = candidate / "__main__.py";
    if (fs::exists(program, error)) return program.lexically_normal();
  }
  return {};
}

std::string choose_python() {
  const char* chosen = std::getenv("RINGFOLD_PYTHON");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  return ::access(kSystemPython, X_OK) == 0 ? kSystemPython : "python3";
}

}  // namespace

int planner_main(int argument_count, char** arguments) {
  std::error_code error;
  const fs::path binary = fs::read_symlink("/proc/self/exe", error);
  const fs::path program = error ? fs::path() : find_program(binary);
  if (program.empty()) {
    std::fprintf(
        stderr,
        "ringfold-bench %s: its Python program is missing; it is installed as " RINGFOLD_LIBEXEC
        "/ringfold/planner beside the folder of ringfold-bench\n",
        arguments[0]);
    return kCouldNotStart;
  }
  ::setenv("RINGFOLD_BENCH", binary.c_str(), 1);
  std::string python = choose_python();
  std::string no_bytecode = "-B";  // the folder of the program is not a place to write to
  std::string path = program.string();
  std::vector<char*> words = {python.data(), no_bytecode.data(), path.data()};
  words.insert(words.end(), arguments, arguments + argument_count);
  words.push_back(nullptr);
  ::execvp(python.c_str(), words.data());
  std::fprintf(stderr,
               "ringfold-bench %s: %s does not run: it needs Python 3.11 or later (apt install "
               "python3, for capacity also python3-matplotlib)\n",
               arguments[0], python.c_str());
  return kCouldNotStart;
}

}  // namespace ringfold
