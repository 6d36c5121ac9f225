#include "load/load_main.h"

#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "load/command_line.h"
#include "load/exit_codes.h"
#include "load/hdr_text.h"
#include "load/output_file.h"
#include "load/report.h"
#include "load/run.h"

namespace ringfold::load {
namespace {

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler writes it");

int complain(const std::string& text, int code) {
  std::fprintf(stderr, "ringfold-bench load: %s\n", text.c_str());
  return code;
}

// The first signal ends the run and keeps what was measured, the second ends the program.
void take_signals() {
  struct sigaction action = {};
  action.sa_handler = [](int) { stop.store(true); };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

// As many descriptors as the system lets a process have.
Expected<void> raise_descriptor_limit(u32 connections) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  constexpr u64 kOthers = 64;  // rings, files, standard streams
  if (limit.rlim_cur >= connections + kOthers) return {};
  return fail(
      fmt::format("{} connections need more descriptors than this process may have ({}): "
                  "raise `ulimit -n`",
                  connections, limit.rlim_cur));
}

struct Outputs {
  OutputFile json;
  OutputFile csv;
  std::string hdr;
};

// "out.hdr" of the run "get" is "out.get.hdr".
std::string path_of_run(const std::string& path, const std::string& run) {
  if (run.empty()) return path;
  const std::size_t slash = path.rfind('/');
  const std::size_t dot = path.rfind('.');
  const bool has_ending =
      dot != std::string::npos && (slash == std::string::npos || dot > slash + 1);
  const std::size_t at = has_ending ? dot : path.size();
  std::string name = run;
  for (char& character : name) {
    if (character == ' ' || character == '/') character = '-';
  }
  return path.substr(0, at) + "." + name + path.substr(at);
}

// The runs, one after another. Their results go out as they come.
int run_all(std::vector<Plan>& plans, const CommandLine& line, Outputs& outputs) {
  int code = kGood;
  const bool shows_progress = ::isatty(STDERR_FILENO) == 1;
  outputs.json.write("{\"tool\": \"ringfold-bench load\", \"version\": \"" RINGFOLD_VERSION
                     "\", \"runs\": [");
  outputs.csv.write(csv_head());
  for (std::size_t index = 0; index < plans.size() && !stop.load(); ++index) {
    Plan& plan = plans[index];
    auto result = run(plan, stop, shows_progress);
    if (!result) {
      // What the runs before it have found is kept.
      code = complain(result.error().text, kCouldNotStart);
      break;
    }
    const std::string text = line.quiet ? to_line(plan, *result) : to_table(plan, *result);
    std::fputs(text.c_str(), stdout);
    if (!line.quiet && index + 1 < plans.size()) std::fputs("\n", stdout);
    std::fflush(stdout);
    outputs.json.write(index == 0 ? "\n" : ",\n");
    outputs.json.write(to_json(plan, *result));
    outputs.csv.write(to_csv(plan, *result));
    if (!outputs.hdr.empty()) {
      OutputFile hdr;
      if (auto opened = hdr.open(path_of_run(outputs.hdr, plan.name)); !opened) {
        return complain(opened.error().text, kCouldNotStart);
      }
      hdr.write(to_hdr_text(result->latencies));
      if (!hdr.close()) return complain("--hdr: it cannot be written", kCouldNotStart);
    }
    if (result->has_faults(plan)) code = kWrongReplies;
  }
  outputs.json.write("\n]}\n");
  if (!outputs.json.close()) return complain("--json: it cannot be written", kCouldNotStart);
  if (!outputs.csv.close()) return complain("--csv: it cannot be written", kCouldNotStart);
  return code;
}

Expected<void> prepare(std::vector<Plan>& plans, const CommandLine& line, Outputs& outputs) {
  if (auto raised = raise_descriptor_limit(plans[0].connections); !raised) return raised;
  const auto address = resolve(plans[0].target);
  if (!address) return fail(address.error().text);
  const IoKind kind = line.io == "uring"   ? IoKind::uring
                      : line.io == "epoll" ? IoKind::epoll
                                           : IoKind::automatic;
  auto io = choose_io(kind, probe_io());
  if (!io) return fail(io.error().text);
  if (!io->refusal.empty()) std::fprintf(stderr, "%s\n", describe(*io).c_str());
  for (Plan& plan : plans) {
    plan.address = *address;
    plan.io = *io;
    if (plan.replay != nullptr && plan.replay->skipped() != 0) {
      std::fprintf(stderr, "%s: left out %llu commands that belong to their connection or script\n",
                   line.replay.c_str(), static_cast<unsigned long long>(plan.replay->skipped()));
    }
  }
  if (auto opened = outputs.json.open(line.json); !opened) return opened;
  if (auto opened = outputs.csv.open(line.csv); !opened) return opened;
  outputs.hdr = line.hdr;
  if (line.hdr.empty()) return {};
  OutputFile probe;
  return probe.open(path_of_run(line.hdr, plans[0].name));
}

}  // namespace

int load_main(int argument_count, char** arguments) {
  const auto line = parse_command_line(argument_count, arguments);
  if (!line) {
    if (line.error().code != kGood) {
      return complain(line.error().text + "; --help shows the usage", line.error().code);
    }
    std::fputs(line.error().text.c_str(), stdout);
    return kGood;
  }
  auto plans = make_plans(*line);
  if (!plans) return complain(plans.error().text, kBadUsage);
  take_signals();
  Outputs outputs;
  if (auto prepared = prepare(*plans, *line, outputs); !prepared) {
    return complain(prepared.error().text, kCouldNotStart);
  }
  return run_all(*plans, *line, outputs);
}

}  // namespace ringfold::load
