// ringfold-bench: which subcommand is asked for.
#include <cstdio>
#include <string_view>

#include "backend/backend_main.h"
#include "load/load_main.h"
#include "planner_main.h"

namespace {

struct Subcommand {
  std::string_view name;
  int (*run)(int argument_count, char** arguments);  // arguments[0] is the subcommand's name
  const char* purpose;
};

constexpr Subcommand kSubcommands[] = {
    {"backend", ringfold::backend::backend_main, "a null server: answers at once, out of nothing"},
    {"capacity", ringfold::planner_main, "the highest load that holds a latency; what is needed"},
    {"compare", ringfold::planner_main, "several targets under the same traffic, in turns"},
    {"load", ringfold::load::load_main, "drives traffic at a server or proxy, checks every reply"},
};

constexpr int kBadUsage = 2;

int say_usage(std::FILE* out, int code) {
  std::fputs("Usage: ringfold-bench SUBCOMMAND ...\n\n", out);
  for (const Subcommand& subcommand : kSubcommands) {
    std::fprintf(out, "  %-10.*s %s\n", static_cast<int>(subcommand.name.size()),
                 subcommand.name.data(), subcommand.purpose);
  }
  std::fputs("\nringfold-bench SUBCOMMAND --help says more.\n", out);
  return code;
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string_view name = argument_count > 1 ? arguments[1] : "";
  for (const Subcommand& subcommand : kSubcommands) {
    if (subcommand.name == name) return subcommand.run(argument_count - 1, arguments + 1);
  }
  if (name == "--help" || name == "-h") return say_usage(stdout, 0);
  if (name == "--version" || name == "-V") {
    std::puts("ringfold-bench " RINGFOLD_VERSION);
    return 0;
  }
  if (!name.empty()) {
    std::fprintf(stderr, "ringfold-bench: there is no \"%s\"\n", arguments[1]);
  }
  return say_usage(stderr, kBadUsage);
}
